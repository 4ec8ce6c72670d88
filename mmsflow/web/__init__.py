"""The daemon's web page: what runs, what comes, what waits for a person; no build step, no request to anywhere else."""

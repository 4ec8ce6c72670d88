"""Where and when a run is carried out."""

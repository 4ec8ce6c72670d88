"""What happened, durably: runs, messages, their history, and the quota as it was read."""

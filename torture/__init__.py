"""Long campaigns that look for what tests do not find; each adds its results to a file."""

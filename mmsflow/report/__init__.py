"""The report: one pass over a run's rows becomes a table, a document and a page."""

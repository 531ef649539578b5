"""The in-memory picture: written by one task, read as snapshots."""

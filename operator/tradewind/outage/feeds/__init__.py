"""What cloud providers announce of their own outages: one file for each format, all read into the same events."""

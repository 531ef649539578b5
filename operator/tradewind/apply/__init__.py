"""I/O out: what was decided is recorded in status, and then carried out on the members."""

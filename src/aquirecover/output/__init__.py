"""From results to people: files, tables and pictures."""

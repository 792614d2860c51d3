"""Documents: convert, extract, segment, fill, track changes, create, and run agents."""

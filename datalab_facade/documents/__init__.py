"""Documents: convert, extract, segment, fill, track changes, create, run an agent."""

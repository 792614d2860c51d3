"""Jobs: waiting for them, watching them, retrying; decided without IO, and driven."""

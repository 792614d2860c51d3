"""Measurements: of the scheduler on virtual time, and of the clients over real sockets."""

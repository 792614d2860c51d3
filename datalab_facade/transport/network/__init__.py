"""Connections to servers: how they are found, opened, kept, used, and closed."""

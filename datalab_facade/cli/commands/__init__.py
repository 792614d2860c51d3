"""The commands, a module for each group: they ask a client, and have the answer shown."""

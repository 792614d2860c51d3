"""The commands, a module for each group: each calls the client and shows the answer."""

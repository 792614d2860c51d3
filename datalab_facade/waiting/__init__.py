"""Decides when to poll next, when to give up, and learns how long jobs take; without IO."""

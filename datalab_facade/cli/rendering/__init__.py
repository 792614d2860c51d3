"""What people read: pure functions from values to text, which does no IO and knows no time."""

"""Text for people: pure functions of values, without IO and without a clock."""

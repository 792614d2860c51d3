"""When to look next, when to give up, and what is learnt for the next time; no IO in here."""

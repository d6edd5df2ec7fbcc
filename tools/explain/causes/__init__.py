"""The table of causes: what can have ended an attempt to charge, how that shows, and what to try."""

"""Supervision of the ladder from the plug to the session; restarts it after any loss."""

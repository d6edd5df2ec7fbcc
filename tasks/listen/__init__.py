"""Listening: follows what others say on the line, and has nothing that could transmit."""

"""Decodes capture files of charging sessions: every frame accounted for, every message on a line, a summary."""

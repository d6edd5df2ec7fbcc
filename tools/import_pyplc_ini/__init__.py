"""Turns a pyPlc.ini into a configuration of this box, and says what does not go over and why."""

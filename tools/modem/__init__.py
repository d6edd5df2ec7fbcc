"""Find, look at, back up, set up and restore the PLC modem: `python -m tools.modem`."""

"""Devices behind a serial port (pyserial): Dieter, the device of celeron55, a three-line display."""

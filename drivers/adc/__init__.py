"""Analog-to-digital converters, what their volts mean, and the instruments made of them."""

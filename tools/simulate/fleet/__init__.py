"""Chargers and cars with the habits of real ones, to meet our box in a simulated charge."""

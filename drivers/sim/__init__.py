"""Simulated twins of the drivers and the physics behind them."""

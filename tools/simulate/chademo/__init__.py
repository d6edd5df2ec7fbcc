"""Simulated CHAdeMO cars with the habits of real ones, to meet a bridge in software."""

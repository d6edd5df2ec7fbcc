"""Whole sessions of a bridge between a CCS charger and a CHAdeMO car."""

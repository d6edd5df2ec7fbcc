"""Builds the prebuilt libraries of all boards, looks into them, and prints their figures; the running program imports nothing from here."""

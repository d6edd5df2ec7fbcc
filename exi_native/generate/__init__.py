"""Turns the XML schemas of V2G into C state tables and Python dataclasses."""

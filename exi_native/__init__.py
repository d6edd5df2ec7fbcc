"""Reads, writes and names the messages of the V2G schemas."""

"""Plays captures and live pcap streams through the listener."""

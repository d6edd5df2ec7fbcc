"""Whole Ethernet frames in and out of the network interface, sorted by EtherType."""

"""The IPv6 link-local host: neighbour discovery, and the discovery of the charger (SDP)."""

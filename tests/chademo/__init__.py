"""The charger's side of CHAdeMO: octets, what of a vehicle is believed, every state."""

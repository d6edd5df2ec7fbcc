"""The boards that this program knows: which device is at which pin, bus and address, and what is missing on them."""

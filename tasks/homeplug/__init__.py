"""HomePlug: management messages, SLAC matching, the own modem, and an emulated modem."""

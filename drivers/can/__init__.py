"""CAN: one bus with many users, and the devices that are spoken to over it."""

"""The only holder of actuators: permits, trips, shutdown sequence."""

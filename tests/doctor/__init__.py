"""The doctor's checks on made-up machines."""

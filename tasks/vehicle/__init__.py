"""What the vehicle's battery says."""

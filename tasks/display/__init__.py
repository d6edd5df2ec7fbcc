"""What the person at the car reads: signals become a screen, a screen becomes octets, octets go out in slices."""

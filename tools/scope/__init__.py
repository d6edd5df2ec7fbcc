"""What happened in this charge: one page with its timeline for a browser without a network, and the same as a picture."""

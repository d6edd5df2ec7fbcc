"""A complete simulated charge: car and charger in one process, on simulated links and virtual time."""

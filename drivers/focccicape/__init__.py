"""The FoccciCape and the DiDeBoCCS power supply of pyPLC's demonstration box, a charger that discharges a car."""

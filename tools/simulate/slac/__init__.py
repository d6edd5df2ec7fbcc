"""Real cars and chargers as scripted SLAC peers: every measured session of the sheet as a personality."""

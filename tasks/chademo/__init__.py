"""CHAdeMO, the charger's side towards a car."""

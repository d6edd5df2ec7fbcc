"""Digital outputs and inputs on the pins of a real board."""

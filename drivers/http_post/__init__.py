"""Values to an HTTP server of the house: one POST each, never waiting."""

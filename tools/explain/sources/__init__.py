"""Where records come from: one module per kind, chosen by what lies there, never by its name."""

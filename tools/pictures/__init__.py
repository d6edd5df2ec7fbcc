"""The wiring pictures of install/README.md, drawn from the settings' defaults."""

"""What the appliance does: one package per feature."""

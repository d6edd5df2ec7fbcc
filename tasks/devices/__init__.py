"""The turns of the box's devices."""

"""The only holder of actuators: permits, trips, shutdown sequence."""
from tasks.safety.facts import SafetyState

__all__ = ["SafetyState"]

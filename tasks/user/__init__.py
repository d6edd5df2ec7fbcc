"""The person at the box."""

"""MQTT: the connection to a broker, and what comes over it."""

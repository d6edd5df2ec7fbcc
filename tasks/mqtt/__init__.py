"""What is published by MQTT."""

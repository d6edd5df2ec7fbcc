"""What is told by REST call."""

"""What is in a black box file: looked at, verified, exported, made fit to be sent to somebody."""

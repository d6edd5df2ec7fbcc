"""Benchmarks that print figures beside a limit or a peer of the same run; they never judge."""

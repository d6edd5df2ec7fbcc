"""Mutation testing of tasks/safety: each small mistake in the source must make a test fail."""

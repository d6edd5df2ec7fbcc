"""Tests of tasks/safety."""

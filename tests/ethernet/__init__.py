"""Tests of tasks/ethernet."""

"""Tests of the connection supervision."""

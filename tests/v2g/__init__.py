"""Tests of the V2G slice."""

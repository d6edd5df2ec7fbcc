"""Tests of the turns of devices."""

"""Tests of tasks/ipv6 in virtual time."""

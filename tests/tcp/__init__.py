"""Tests of tasks/tcp in virtual time."""

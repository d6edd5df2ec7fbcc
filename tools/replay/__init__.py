"""Plays a black box file to today's code on virtual time and compares everything that it does."""

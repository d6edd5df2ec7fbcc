"""Tells on CAN what a charger is doing, in the frames of pyPLC."""

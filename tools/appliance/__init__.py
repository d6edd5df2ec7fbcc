"""The parts that main.py puts together for one box on a real clock."""

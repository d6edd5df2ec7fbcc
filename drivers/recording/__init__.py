"""The folder that each plug-in leaves, written by a process of its own."""

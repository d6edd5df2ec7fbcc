"""The live picture of a simulated charge in a terminal, its plain form for files and pipes, and the summary at the end."""

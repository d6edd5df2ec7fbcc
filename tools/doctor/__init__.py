"""Looks through a box and says in one line each what is well, what is doubtful and what is wrong, with the remedy."""

"""A diagnosis from a record in plain words: what happened, which side, where, how long against what is usual, why, what to try."""

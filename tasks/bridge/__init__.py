"""The interlock of a CCS session and a CHAdeMO session."""

"""Looks into EXI messages: decodes and encodes them, names the schema, explains failures, shows the bits."""

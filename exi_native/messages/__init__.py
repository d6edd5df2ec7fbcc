"""Dataclasses of the V2G messages, generated from the schemas: one module per schema."""

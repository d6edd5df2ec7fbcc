"""The workbench tool."""

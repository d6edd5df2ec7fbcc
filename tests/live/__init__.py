"""The live view: its gate, feed, process, pages."""

"""The live view: a web page of a running box, served by a process of its own."""

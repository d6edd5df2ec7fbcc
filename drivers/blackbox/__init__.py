"""What a box hears and does, noted while it happens, in one file; and devices that answer from such a file."""

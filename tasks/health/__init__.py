"""The box about itself: journal out, a line about the kernel, a sign of life to the watchdog."""

"""`python -m tests.homeplug`: random SLAC peers within the real-world spread, many seeds."""
import sys

from tests.homeplug.campaign import main

sys.exit(main())

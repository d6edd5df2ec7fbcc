"""After each test no adapter's end stays open."""
import pytest

from tests.drivers.can.inline import MADE


@pytest.fixture(autouse=True)
def ended():
    yield
    while MADE:
        MADE.pop().end()

"""NID from NMK against pairs that real chargers sent, and fresh keys."""
from random import Random

import pytest

from tasks.homeplug.keys import new_nmk, nid_from_nmk


# slac-and-network sheet 2.6: alpitronic, ABB, WP4, HomePlugAV defaults
@pytest.mark.parametrize("nmk, nid", [
    ("3452235445aef2d455feff31a3b303ad", "b1c913b5aa0702"),
    ("b59319d7e8157ba001b018669ccee30d", "026bcba5354e08"),
    ("50d3e4933f855b7040784df815aa8db7", "b0f2e695666b03"),
    ("a39d255b5770c42f3837471f5b39823a", "4ee9194d581702"),
    ("3b1fe4cc1bb8f8b8484096dc2eb59e8b", "bc90751a5e390e"),
    ("d84a239554e7980bb73263f505734afd", "d5925cb82e6808"),
])
def test_nid_follows_from_nmk(nmk, nid):
    assert nid_from_nmk(bytes.fromhex(nmk)).hex() == nid


def test_security_level_is_the_upper_nibble():
    nmk = bytes.fromhex("a39d255b5770c42f3837471f5b39823a")
    assert nid_from_nmk(nmk, 1)[6] == nid_from_nmk(nmk)[6] | 0x10


def test_keys_are_fresh():
    rng = Random(1)
    keys = {new_nmk(rng) for _ in range(100)}
    assert len(keys) == 100 and all(len(k) == 16 for k in keys)

"""The black box on the disk: its middle gives way, the power fails at every step of that, half a block is cut off."""
from __future__ import annotations

import contextlib
import os

import pytest

from drivers.blackbox.layout import BoxOctets
from drivers.blackbox.reader import parse, read
from drivers.blackbox.tape import ETHERNET
from drivers.recording.box_file import BoxFile, end_of_blocks
from kernel.timer import S

ROOM = 64 * 1024
NAME = "session-20261121T031245Z-car.ccsbox"
HEAD = {"channels": [], "signals": []}


class PowerCut(Exception):
    pass


class Cut:
    """The module `os`, until the power fails before call `after` of those that change the disk."""

    def __init__(self, after: int) -> None:
        self.left = after

    def __getattr__(self, name):
        real = getattr(os, name)
        if name not in ("write", "replace", "fsync", "open"):
            return real

        def call(*arguments):
            self.left -= 1
            if self.left < 0:
                raise PowerCut
            return real(*arguments)
        return call


def fill(folder, blocks, disk=os):
    """Numbered frames of a second each."""
    octets = BoxOctets(0)
    file = BoxFile(str(folder), NAME, ROOM, disk)
    file.append(octets.begin(HEAD, [], "eth0", "ccsbox"))
    for number in range(blocks):
        file.append(octets.batch([], [(ETHERNET, number * S, 1, bytes(1000))], []))
    file.sync()
    file.close()
    return folder / NAME


def test_the_middle_gives_way(tmp_path):
    path = fill(tmp_path, 400)
    box = read(path)
    times = [packet.at // S for packet in box.packets]
    assert path.stat().st_size <= ROOM
    assert times[0] == 0 and times[-1] == 399 and times == sorted(times)
    assert times[:12] == list(range(12)) and times[-25:] == list(range(375, 400))
    assert box.given_up > 300_000 and not box.broken_seals and not box.problem and not box.unsealed


def test_a_changed_octet_after_a_gap_is_found(tmp_path):
    data = bytearray(fill(tmp_path, 400).read_bytes())
    data[-300] ^= 1
    assert parse(bytes(data)).broken_seals


@pytest.mark.parametrize("after", range(0, 260, 3))
def test_the_power_fails_while_room_is_made(tmp_path, after):
    """Old file or new one: readable to its end, with all seconds up to the one before."""
    with contextlib.suppress(PowerCut):
        fill(tmp_path, 120, Cut(after))
    path = tmp_path / NAME
    if not path.exists() or not path.stat().st_size:
        assert after <= 2
        return
    box = read(path)
    times = [packet.at // S for packet in box.packets]
    assert not box.problem and not box.broken_seals and times == sorted(times)


def test_half_a_block_is_cut_off(tmp_path):
    path = fill(tmp_path, 3)
    whole = path.read_bytes()
    ends = set()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        end = end_of_blocks(path)
        assert end <= cut and (end == 0 or whole[end - 4:end] != bytes(4))
        ends.add(end)
    assert len(ends) == 10                               # nothing, and after each block but the last: section, interface, head, seal, three times packet and seal
    path.write_bytes(whole)
    assert end_of_blocks(path) == len(whole) and not parse(whole).problem
    path.write_bytes(whole + bytes(64))                  # what ext4 leaves after a power cut
    assert end_of_blocks(path) == len(whole)

"""Parts of a file in the formats of other programs: capture, journal text, table of signals, candump's log, configuration, notes as JSON lines."""
from __future__ import annotations

import csv
import json
from typing import Any, Iterator, TextIO

from drivers import pcapng
from drivers.blackbox import notes as n
from drivers.blackbox.layout import SEVERITY
from drivers.blackbox.reader import Box, Entry, Packet
from drivers.blackbox.values import again
from drivers.can.candump import line as can_line
from drivers.can.settings import EXTENDED
from drivers.journal_file import line
from kernel.journal import Event
from kernel.timer import S
from tools.appliance.session_record import changed
from tools.replay.settings import settings_of


def capture(box: Box, *, journal: bool) -> Iterator[bytes]:
    """A pcapng file of frames (and journal entries, in the order of time), without blocks of our own."""
    epoch = box.head["epoch_ns"]
    yield pcapng.section_header(application=str(box.head.get("program", "")))
    for number, name in enumerate(box.interfaces):
        yield pcapng.interface_description(pcapng.LINK_SOCKETCAN if number else pcapng.LINK_ETHERNET, name=name)
    things: list[Packet | Entry] = [packet for packet in box.packets if packet.interface < len(box.interfaces)]
    if journal:
        things += box.entries
    for thing in sorted(things, key=lambda one: one.at):
        at = max(0, thing.at + epoch)
        if isinstance(thing, Packet):
            yield pcapng.enhanced_packet(at, thing.octets, interface=thing.interface, direction=thing.direction)
        else:
            yield pcapng.journal_block({"__REALTIME_TIMESTAMP": str(at // 1000).rjust(3, "0"), "MESSAGE": thing.text, "PRIORITY": SEVERITY.get(thing.level, "6"),
                                        "SYSLOG_IDENTIFIER": thing.source})


def journal_lines(box: Box) -> Iterator[str]:
    """As the box's own journal file has them, counted from the beginning of the tape."""
    start = box.head.get("tape_from_ns", 0)
    for entry in box.entries:
        yield line(Event(entry.at, entry.source, entry.level, entry.text, (), entry.number), start) + "\n"


def signals(box: Box, out: TextIO, only: frozenset[str], *, wide: bool) -> int:
    """CSV: time (s since the tape began), signal, value, unit; `wide`: a column for each signal, a row for each time. `only`: names, empty for all. Rows."""
    names, units = box.head["signals"], box.head.get("units", {})
    writer = csv.writer(out, lineterminator="\n")
    start, rows = box.head.get("tape_from_ns", 0), 0
    columns = [name for name in names if not only or name in only]
    if wide:
        writer.writerow(["time_s", *(f"{name} [{units[name]}]" if name in units else name for name in columns)])
    else:
        writer.writerow(["time_s", "signal", "value", "unit"])
    now_has: dict[str, str] = {}
    for now, words in box.visits():
        hit = False
        for note in words:
            if note[0] == n.SIGNAL and (name := names[note[1]]) in columns:
                at = max(now, start) - (note[3] if len(note) > 3 else 0)
                hit = True
                if wide:
                    now_has[name] = _cell(note[2])
                else:
                    writer.writerow([_seconds(at - start), name, _cell(note[2]), units.get(name, "")])
                    rows += 1
        if wide and hit:
            writer.writerow([_seconds(max(now, start) - start), *(now_has.get(name, "") for name in columns)])
            rows += 1
    return rows


def candump(box: Box) -> Iterator[str]:
    """As `candump -l` writes it and `canplayer` reads it."""
    epoch = box.head["epoch_ns"]
    for packet in box.packets:
        if packet.interface and len(packet.octets) >= 8:
            id = int.from_bytes(packet.octets[:4], "big")
            name = box.interfaces[packet.interface] if packet.interface < len(box.interfaces) else f"can{packet.interface}"
            at = max(0, packet.at + epoch)
            yield can_line(at, name, id & (EXTENDED | 0x1FFFFFFF), packet.octets[8:8 + min(8, packet.octets[4])])


def settings(box: Box) -> tuple[str, list[str]]:
    """(a configuration file with what is not the default, remarks about what today's program does not know)."""
    config, remarks = settings_of(box.head.get("config"))
    return changed(config), remarks


def note_lines(box: Box) -> Iterator[str]:
    """One object for each note; `at_s` since the tape began."""
    channels, names, start = box.head["channels"], box.head["signals"], box.head.get("tape_from_ns", 0)
    for visit, (now, words) in enumerate(box.visits()):
        for note in words:
            plain: dict[str, Any] = {"at_s": round((max(now, start) - start) / S, 6), "visit": visit, "note": n.NAMES[note[0]]}
            if note[0] in (n.HEARD, n.DID, n.CAN_HEARD, n.ONCE):
                plain["channel"] = channels[note[1]]
            elif note[0] == n.SIGNAL:
                plain["signal"] = names[note[1]]
            plain["value"] = note[2:] if "channel" in plain and note[0] == n.DID else note[2] if len(note) > 2 and note[0] not in (n.DRAWN, n.TOLD, n.MESSAGE) else note[1:]
            if note[0] == n.SIGNAL and len(note) > 3:
                plain["age_s"] = round(note[3] / S, 6)
            yield json.dumps(plain, ensure_ascii=False) + "\n"


def _seconds(ns: int) -> str:
    return f"{ns / S:.6f}"


def _cell(value: Any) -> str:
    value = again(value)
    return "" if value is None else value.hex() if isinstance(value, bytes) else f"{value:g}" if isinstance(value, float) else str(value)

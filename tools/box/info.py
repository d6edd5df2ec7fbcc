"""What is in a file, at one look: which box, when, with whom, how far, why it ended, how long each phase took, and whether the file is whole."""
from __future__ import annotations

from collections import Counter
from datetime import datetime, timezone
from ipaddress import IPv6Address
from typing import Any

from drivers.blackbox import notes as n
from drivers.blackbox.reader import Box
from drivers.blackbox.values import again
from kernel.journal import Event
from kernel.timer import S
from tools.appliance.session_summary import OVER, Tries

SHOWN = ("v2g_protocol", "evse_id", "evccid", "peer_mac", "own_address", "network_id", "attenuation", "modem", "peer_modem")
ENDS = ("stop_reason", "safety_trip", "connection_state", "v2g_state", "safety_state", "bridge_phase")
MOST = {"inlet_voltage": "V", "inlet_current": "A", "output_voltage": "V", "output_current": "A", "session_energy": "Wh"}
MAX_STATES = 1000


def facts(box: Box) -> dict[str, Any]:
    """Plain, for `--json`."""
    last, most, least_soc = _signals(box)
    span = _span(box)
    head = box.head
    checkpoints = [entry for entry in box.entries if entry.number]
    return {
        "program": head.get("program"), "python": head.get("python"), "machine": head.get("machine"), "mode": head.get("mode"), "mac": head.get("mac"),
        "anonymised": bool(head.get("anonymised")),
        "head": {name: value for name, value in head.items() if isinstance(value, (str, int, float, bool)) and name not in
                 ("program", "python", "machine", "mode", "mac", "anonymised", "epoch_ns", "format", "tape_from_ns", "codec", "real_clock")},
        "begins_in_the_middle": "state" in head,
        "began_unix_s": round((span[0] + head["epoch_ns"]) / S, 3), "seconds": round((span[1] - span[0]) / S, 3),
        "peer": {name: last[name] for name in SHOWN if last.get(name) not in (None, "")},
        "ended_as": {name: last[name] for name in ENDS if last.get(name) not in (None, "")},
        "furthest": None if not checkpoints else {"number": (far := max(checkpoints, key=lambda entry: entry.number)).number, "text": far.text, "at_s": _rounded(far.at)},
        "most": most, "soc_percent": least_soc,
        "phases_s": _phases(box, span[1]),
        "warnings": sum(entry.level == "warning" for entry in box.entries), "errors": sum(entry.level == "error" for entry in box.entries),
        "last_words": [f"{_rounded(entry.at)} {entry.source}: {entry.text}" for entry in box.entries if entry.level in ("warning", "error")][-5:],
        "content": {"frames": sum(packet.interface == 0 for packet in box.packets), "can_frames": sum(packet.interface > 0 for packet in box.packets),
                    "journal": len(box.entries), "notes": len(box.notes), "visits": sum(words[0] == n.VISIT for words in box.notes),
                    "kinds": {n.NAMES[kind]: count for kind, count in sorted(Counter(words[0] for words in box.notes).items())},
                    "gaps": [words[1] for words in box.notes if words[0] == n.GAP][:20], "signals": len(head["signals"]), "channels": len(head["channels"])},
        "end": box.end, "problem": box.problem,
        "file": {"octets": box.octets, "sound_octets": box.sound_octets, "unpacked_octets": box.unpacked, "seals": box.seals, "broken_seals": len(box.broken_seals),
                 "unsealed_octets": box.unsealed, "fingerprint": box.last_hash},
    }


def as_text(name: str, f: dict[str, Any]) -> str:
    """For a person."""
    content, file = f["content"], f["file"]
    began = datetime.fromtimestamp(f["began_unix_s"], timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC") if 0 <= f["began_unix_s"] < 1 << 36 else f"{f['began_unix_s']} s"
    whole = f["problem"] or ("whole" if f["end"] is not None else "no end: it is still being written, or was cut off between two seals")
    lines = [name, f"  box      {f['mode']}, {f['program']}, Python {f['python']}, {f['machine']}, MAC {_mac(f['mac'])}" + (", anonymised" if f["anonymised"] else ""),
             f"  when     {began}{' (a made-up day)' if f['anonymised'] else ''}, {_duration(f['seconds'])}"
             + (", begins in the middle of the box's life" if f["begins_in_the_middle"] else "")]
    if f["head"]:
        lines.append("  why      " + ", ".join(f"{key} {value}" for key, value in f["head"].items()))
    lines.append("  with     " + (", ".join(f"{key} {_shown(value)}" for key, value in f["peer"].items()) or "nobody"))
    if f["furthest"]:
        lines.append(f"  far      checkpoint {f['furthest']['number']}: {f['furthest']['text']} ({f['furthest']['at_s']} s)")
    lines.append("  last     " + (", ".join(f"{key} {_shown(value)}" for key, value in f["ended_as"].items()) or "nothing is known"))
    if f["most"] or f["soc_percent"]:
        soc = f"SoC {f['soc_percent'][0]:g} to {f['soc_percent'][1]:g} %" if f["soc_percent"] else ""
        lines.append("  most     " + ", ".join([*(f"{key} {value:g} {MOST[key]}" for key, value in f["most"].items()), *([soc] if soc else [])]))
    if f["phases_s"]:
        lines.append("  phases   " + ", ".join(f"{key} {value:g} s" for key, value in f["phases_s"].items()))
    if f["end"]:
        lines.append("  verdict  " + ", ".join(f"{key} {_shown(value)}" for key, value in f["end"].items()))
    lines.append(f"  journal  {content['journal']} lines, {f['errors']} errors, {f['warnings']} warnings")
    lines += [f"           {line}" for line in f["last_words"]]
    lines.append(f"  in it    {content['frames']} frames, {content['can_frames']} CAN frames, {content['visits']} visits, {content['notes']} notes ("
                 + ", ".join(f"{count} {kind}" for kind, count in content["kinds"].items() if kind != "visit") + f"), {content['signals']} signals")
    lines += [f"  gap      {gap}" for gap in content["gaps"]]
    lines.append(f"  file     {_size(file['octets'])} ({_size(file['unpacked_octets'])} unpacked), {whole}; {file['seals']} seals"
                 + (f", {file['broken_seals']} DO NOT FIT: python -m tools.box verify" if file["broken_seals"] else " fit"))
    return "\n".join(lines)


def _signals(box: Box) -> tuple[dict[str, Any], dict[str, float], list[float]]:
    """(last value of each signal, the most of some, [first, last] state of charge)."""
    names = box.head["signals"]
    last: dict[str, Any] = {}
    most: dict[str, float] = {}
    soc: list[float] = []
    for words in box.notes:
        if words[0] != n.SIGNAL:
            continue
        name, value = names[words[1]], words[2]
        if value not in (None, ""):
            last[name] = value
        if name in MOST and type(value) in (int, float):
            most[name] = max(most.get(name, value), value)
        if name in ("ev_soc", "battery_soc") and type(value) in (int, float) and value == value:
            soc = [soc[0] if soc else value, value]
    return last, {name: round(value, 2) for name, value in most.items()}, soc


def _span(box: Box) -> tuple[int, int]:
    """First and last ns of the tape's clock that the file speaks of."""
    begin = box.head.get("tape_from_ns", 0)
    end = begin + sum(words[1] for words in box.notes if words[0] == n.VISIT)
    times = [thing.at for things in (box.packets, box.entries) for thing in (*things[:1], *things[-1:])]
    return min([begin, *times]), max([end, *times])


def _phases(box: Box, end: int) -> dict[str, float]:
    tries = Tries()
    for entry in box.entries:
        if entry.number:
            tries.event(Event(entry.at, entry.source, entry.level, entry.text, (), entry.number))
        elif entry.source == "connection" and entry.text.rpartition(" -> ")[2] in OVER | {"Ending"}:
            tries.over(entry.at)
    return tries.phases(end)


def _rounded(at: int) -> float:
    return round(at / S, 3)


def _mac(text: Any) -> str:
    return ":".join(text[i:i + 2] for i in range(0, len(text), 2)) if isinstance(text, str) else "unknown"


def _shown(value: Any) -> str:
    value = again(value)
    if isinstance(value, bytes):
        if len(value) == 16 and value[0] == 0xFE:
            return str(IPv6Address(value))
        return value.hex(":") if len(value) == 6 else value.hex()
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 120 else text[:117] + "..."


def _duration(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d} h" if whole >= 60 else f"{seconds:.1f} s"


def _size(octets: int) -> str:
    return f"{octets} octets" if octets < 10_000 else f"{octets / 1024:.0f} KiB" if octets < 10 << 20 else f"{octets / (1 << 20):.1f} MiB"

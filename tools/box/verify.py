"""Whether a file is what was sealed while it was written: every seal fits the octets before it, or the first place where one does not."""
from __future__ import annotations

from typing import Any

from drivers.blackbox.reader import Box
from kernel.timer import S


def facts(box: Box) -> dict[str, Any]:
    """Plain. `sound`: nothing behind the last seal, and every seal fits."""
    broken = next((number for number, mark in enumerate(box.marks) if not mark.fits), None)
    out: dict[str, Any] = {"sound": broken is None and not box.problem and not box.unsealed, "seals": box.seals, "broken_seals": len(box.broken_seals),
                           "octets": box.octets, "unsealed_octets": box.octets - box.sound_octets + box.unsealed, "problem": box.problem,
                           "ended": box.end is not None, "fingerprint": box.last_hash, "first_broken": None}
    if broken is not None:
        before, here = box.marks[broken - 1] if broken else None, box.marks[broken]
        begin = box.head.get("tape_from_ns", 0)
        out["first_broken"] = {"from_octet": before.place if before else 0, "to_octet": here.place,
                               "from_s": round(((before.at if before else begin) - begin) / S, 3), "to_s": round((here.at - begin) / S, 3)}
    return out


def as_text(name: str, f: dict[str, Any]) -> str:
    """For a person."""
    place = f["first_broken"]
    if place:
        return (f"{name}: CHANGED. {f['broken_seals']} of {f['seals']} seals do not fit; the first change lies between octets {place['from_octet']} and {place['to_octet']}, "
                f"{place['from_s']} s to {place['to_s']} s after the tape began. What stands before it is what was written; copy the file again, or do not trust it from there.")
    if f["problem"] or f["unsealed_octets"]:
        return (f"{name}: {f['seals']} seals fit, {f['unsealed_octets']} octets behind the last one are not sealed ({f['problem'] or 'a block without a seal'}): "
                f"a cut-off file has such a tail. Fingerprint of what is sealed: {f['fingerprint']}")
    end = "" if f["ended"] else "; it has no end: still being written, or cut off just behind a seal"
    return f"{name}: ok, {f['seals']} seals fit over {f['octets']} octets{end}. Fingerprint: {f['fingerprint']}"

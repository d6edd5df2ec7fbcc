"""Independent readers of every frame that our programs sent: tshark, and scapy field by field against what our own wire files read."""
from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from ipaddress import IPv6Address
from pathlib import Path
from typing import Callable, Iterable

from tasks.errors import WireError
from tasks.homeplug import wire as mme
from tasks.homeplug.wire_header import name_of
from tasks.homeplug.wire_keys import CM_SET_KEY_REQ
from tasks.homeplug.wire_modem import VS_NW_INFO_REQ
from tasks.homeplug.wire_module import VS_MODULE_OPERATION_REQ
from tasks.ipv6.wire import ICMPV6, NEIGHBOR_SOLICITATION, TCP, UDP, parse_ipv6, parse_neighbor, parse_udp, pseudo_sum
from tasks.tcp.wire import parse as parse_segment
from tests.interop.capture import header, record
from tests.interop.report import HOMEPLUG, IPV6, frames

HERE = Path(__file__).resolve().parent
READER_LIMIT_S = 60.0
OBJECTIONS = "_ws.malformed or tcp.checksum.status == Bad or udp.checksum.status == Bad or icmpv6.checksum.status == Bad"
TCP_FLAGS = "FSRPAUEC"           # from bit 0 on, as scapy writes them
NA_FLAGS = {"R": 0x80, "S": 0x40, "O": 0x20}      # RFC 4861 4.4


@dataclass(slots=True)
class Reading:
    """What the readers found in `frames` frames of ours. `header_only`: MME -> how many scapy could judge by their header alone, and why."""

    frames: int = 0
    by_scapy: int = 0
    header_only: Counter[str] = field(default_factory=Counter)
    objections: list[str] = field(default_factory=list)


def collect(wire: Path, own: Iterable[Path], macs: Iterable[str], out: Path, leave_out: int | None = None) -> int:
    """Writes every frame that one of the MAC addresses sent into `out`: those on the wire, then what a box's own recording has besides (frames to its
    modem stay between box and modem). `leave_out`: IPv6 packets with this next header. Returns how many."""
    senders = {bytes.fromhex(mac.replace(":", "")) for mac in macs}
    found: list[tuple[int, bytes]] = []
    seen: set[bytes] = set()
    for path in (wire, *own):
        new = [(at, frame) for at, frame in frames(path.read_bytes()) if frame[6:12] in senders and (path == wire or frame not in seen)
               and not (leave_out is not None and frame[12:14] == b"\x86\xdd" and frame[20] == leave_out)]
        seen.update(frame for _, frame in new)
        found += new
    out.write_bytes(header() + b"".join(record(at, frame) for at, frame in found))
    return len(found)


# --- tshark -------------------------------------------------------------------------------------------------------

def tshark_objections(path: Path) -> list[str]:
    """What tshark calls malformed or a bad checksum, one line per frame."""
    try:
        done = subprocess.run(["tshark", "-r", str(path), "-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-Y", OBJECTIONS],
                              capture_output=True, text=True, check=False, timeout=READER_LIMIT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        return [f"tshark: {error}"]
    if done.returncode != 0:
        return [f"tshark left with {done.returncode}: {done.stderr.strip()[-200:]}"]
    return [f"tshark: {re.sub(r'[^!-~]+', ' ', line).strip()}" for line in done.stdout.strip().splitlines()]


# --- scapy --------------------------------------------------------------------------------------------------------

def scapy_reading(path: Path, python: str, macs: Iterable[str]) -> Reading:
    """Every frame of the file by scapy, run by the interpreter `python` that has it."""
    read = Reading()
    try:
        done = subprocess.run([python, str(HERE / "scapy_reader.py"), ",".join(macs), str(path)], capture_output=True, text=True, check=False,
                              timeout=READER_LIMIT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        read.objections.append(f"scapy: {error}")
        return read
    if done.returncode != 0:
        read.objections.append(f"scapy left with {done.returncode}: {done.stderr.strip()[-300:]}")
        return read
    by_number = {entry["number"]: entry for entry in map(json.loads, done.stdout.splitlines())}
    for number, (_, frame) in enumerate(frames(path.read_bytes()), 1):
        read.frames += 1
        entry = by_number.get(number)
        if entry is None:
            read.objections.append(f"scapy: frame {number} was not read")
            continue
        read.by_scapy += 1
        what = f"frame {number} ({'/'.join(entry['layers'])})"
        read.objections += [f"scapy: {what}: {fault}" for fault in entry["faults"]] + [f"compared: {what}: {fault}" for fault in compare(frame, entry)]
        if entry["why"]:
            read.header_only[f"{name_of(int.from_bytes(frame[15:17], 'little'))} ({entry['why']})"] += 1
    return read


def compare(frame: bytes, entry: dict) -> list[str]:
    """Every field in which scapy and our own wire files disagree."""
    faults: list[str] = []
    if not entry["layers"]:
        return faults                # it raised, and that is among its faults
    try:
        last, wanted = expected(frame)
    except WireError as error:
        return [f"our own reader refuses it: {error}"]
    if entry["why"]:
        wanted = {name: value for name, value in wanted.items() if name.startswith(("Ether.", "HomePlugAV."))}
    elif last != entry["layers"][-1]:
        faults.append(f"should end as {last}")
    for name, value in wanted.items():
        if plain(value) != entry["fields"].get(name):
            faults.append(f"{name} is {entry['fields'].get(name)} for scapy, {plain(value)} for us")
    return faults


def plain(value: object) -> object:
    """A value as scapy_reader.py writes it: MAC addresses as text, other octets as hex."""
    if isinstance(value, bytes):
        return value.hex(":") if len(value) == 6 else value.hex()
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value


def expected(frame: bytes) -> tuple[str, dict[str, object]]:
    """The last layer that a frame should have and its values, in scapy's names, as our own wire files read it. WireError when they refuse it."""
    ethertype = int.from_bytes(frame[12:14], "big")
    common = {"Ether.dst": frame[0:6], "Ether.src": frame[6:12], "Ether.type": ethertype}
    if ethertype == HOMEPLUG:
        message = mme.parse(frame)
        kind, values = HOMEPLUG_FIELDS.get(type(message), ("HomePlugAV", lambda m: {}))
        return kind, {**common, "HomePlugAV.version": frame[14], "HomePlugAV.HPtype": int.from_bytes(frame[15:17], "little"),
                      **{f"{kind}.{name}": value for name, value in values(message).items()}}
    if ethertype == IPV6:
        kind, values = _internet(frame)
        return kind, {**common, **values}
    raise WireError(f"EtherType 0x{ethertype:04X}")


def _internet(frame: bytes) -> tuple[str, dict[str, object]]:
    packet = parse_ipv6(frame, 14)
    pseudo = pseudo_sum(packet.src, packet.dst, packet.next_header)
    values: dict[str, object] = {"IPv6.src": str(IPv6Address(packet.src)), "IPv6.dst": str(IPv6Address(packet.dst)), "IPv6.hlim": packet.hop_limit,
                                 "IPv6.nh": packet.next_header, "IPv6.plen": len(packet.payload)}
    if packet.next_header == TCP:
        s = parse_segment(packet.payload, pseudo)
        flags = "".join(letter for bit, letter in enumerate(TCP_FLAGS) if s.flags >> bit & 1)
        return "TCP", {**values, "TCP.sport": s.src_port, "TCP.dport": s.dst_port, "TCP.seq": s.seq, "TCP.ack": s.ack, "TCP.flags": flags,
                       "TCP.window": s.window, "TCP.options": [] if s.mss is None else [["MSS", s.mss]], "data": s.data}
    if packet.next_header == UDP:
        u = parse_udp(packet.payload, packet.src, packet.dst)
        return "UDP", {**values, "UDP.sport": u.src_port, "UDP.dport": u.dst_port, "UDP.len": len(u.data) + 8, "data": u.data}
    if packet.next_header == ICMPV6:
        n = parse_neighbor(packet)
        solicits = n.type == NEIGHBOR_SOLICITATION
        kind, option = ("ICMPv6ND_NS", "ICMPv6NDOptSrcLLAddr") if solicits else ("ICMPv6ND_NA", "ICMPv6NDOptDstLLAddr")
        values |= {f"{kind}.tgt": str(IPv6Address(n.target)), f"{kind}.type": n.type}
        if not solicits:
            values |= {f"{kind}.{name}": int(bool(n.flags & bit)) for name, bit in NA_FLAGS.items()}
        return (kind, values) if n.link_layer is None else (option, {**values, f"{option}.lladdr": n.link_layer})
    raise WireError(f"next header {packet.next_header}")


_NO_SECURITY = {"ApplicationType": 0, "SecurityType": 0}


def _atten_char(m: mme.CM_ATTEN_CHAR_IND | mme.CM_ATTEN_CHAR_RSP) -> dict[str, object]:
    return {**_NO_SECURITY, "SourceAdress": m.source_address, "RunID": m.run_id, "SourceID": m.source_id, "ResponseID": m.resp_id}


def _match(m: mme.CM_SLAC_MATCH_REQ | mme.CM_SLAC_MATCH_CNF, more: dict[str, object]) -> dict[str, object]:
    return {**_NO_SECURITY, "VariableField": {"EVID": m.pev_id, "EVMAC": m.pev_mac, "EVSEID": m.evse_id, "EVSEMAC": m.evse_mac, "RunID": m.run_id,
                                              "RSVD": bytes(8), **more}}


def _read_module(m: VS_MODULE_OPERATION_REQ) -> dict[str, object]:
    """A box only reads, and what runs (operation 0)."""
    return {"NumOpData": 1, "operation": m.step.operation, "OPDataLength": 18, "ModuleID": m.step.module_id, "ModuleSubID": m.step.sub_id,
            "ReadDataLen": m.step.length, "ReadOffset": m.step.offset}


HOMEPLUG_FIELDS: dict[type, tuple[str, Callable[..., dict[str, object]]]] = {      # our message -> scapy's layer, and its fields (spelling is scapy's)
    mme.CM_SLAC_PARM_REQ: ("CM_SLAC_PARM_REQ", lambda m: {**_NO_SECURITY, "RunID": m.run_id}),
    mme.CM_SLAC_PARM_CNF: ("CM_SLAC_PARM_CNF", lambda m: {
        **_NO_SECURITY, "MSoundTargetMAC": m.m_sound_target, "NumberMSounds": m.num_sounds, "TimeOut": m.time_out, "ResponseType": m.resp_type,
        "ForwardingSTA": m.forwarding_sta, "RunID": m.run_id}),
    mme.CM_START_ATTEN_CHAR_IND: ("CM_START_ATTEN_CHAR_IND", lambda m: {
        **_NO_SECURITY, "NumberOfSounds": m.num_sounds, "TimeOut": m.time_out, "ResponseType": m.resp_type, "ForwardingSTA": m.forwarding_sta,
        "RunID": m.run_id}),
    mme.CM_MNBC_SOUND_IND: ("CM_MNBC_SOUND_IND", lambda m: {
        **_NO_SECURITY, "SenderID": m.sender_id, "Countdown": m.cnt, "RunID": m.run_id, "RSVD": bytes(8), "RandomValue": m.random}),
    mme.CM_ATTEN_CHAR_IND: ("CM_ATTEN_CHAR_IND", lambda m: {
        **_atten_char(m), "NumberOfSounds": m.num_sounds, "NumberOfGroups": len(m.aag), "Groups": [{"group": value} for value in m.aag]}),
    mme.CM_ATTEN_CHAR_RSP: ("CM_ATTEN_CHAR_RSP", lambda m: {**_atten_char(m), "Result": m.result}),
    mme.CM_SLAC_MATCH_REQ: ("CM_SLAC_MATCH_REQ", lambda m: {"MatchVariableFieldLen": mme.MVF_LENGTH_REQ, **_match(m, {})}),
    mme.CM_SLAC_MATCH_CNF: ("CM_SLAC_MATCH_CNF", lambda m: {
        "MatchVariableFieldLen": mme.MVF_LENGTH_CNF, **_match(m, {"NetworkID": m.nid, "Reserved": 0, "NMK": m.nmk})}),
    CM_SET_KEY_REQ: ("CM_SET_KEY_REQ", lambda m: {
        "KeyType": 1, "MyNonce": int.from_bytes(m.my_nonce, "big"), "YourNonce": int.from_bytes(m.your_nonce, "big"), "PID": 4, "NetworkID": m.nid,
        "NewEncKeySelect": 1, "NewKey": m.nmk}),
    VS_NW_INFO_REQ: ("NetworkInformationRequest", lambda m: {}),
    VS_MODULE_OPERATION_REQ: ("ModuleOperationRequest", _read_module),
}


def read_all(path: Path, python: str, macs: Iterable[str]) -> Reading:
    """Both readers over one file; without `python` only tshark."""
    macs = list(macs)
    read = scapy_reading(path, python, macs) if python else Reading(sum(1 for _ in frames(path.read_bytes())))
    read.objections[:0] = tshark_objections(path)
    return read

"""Names for what is not decoded: EtherTypes, IPv4 protocols, UDP ports, ICMPv6 types, TLS records, V2GTP payload types.

EtherTypes and IP protocols: IANA registries. Those seen beside charging sessions: field-pyplc-clara sheet 2.1 and 11.
"""
from __future__ import annotations

ETHERTYPES = {
    0x0800: "IPv4", 0x0806: "ARP", 0x8035: "RARP", 0x8100: "VLAN tag", 0x8137: "IPX", 0x86DD: "IPv6", 0x8863: "PPPoE",
    0x8864: "PPPoE", 0x8808: "Ethernet flow control", 0x887B: "HomePlug 1.0", 0x888E: "EAPOL", 0x8899: "Realtek loop detection",
    0x88CC: "LLDP", 0x88E1: "HomePlug AV", 0x88F7: "PTP", 0x8912: "EtherType 0x8912 (TP-Link or devolo power line tool)",
    0x22E3: "EtherType 0x22E3 (TP-Link or devolo power line tool)", 0x9000: "Ethernet loop test",
}
LINK_SOCKETCAN = 227             # LINKTYPE_CAN_SOCKETCAN
FIRST_ETHERTYPE = 0x0600         # below it is the length of an IEEE 802.3 frame

IP_PROTOCOLS = {1: "ICMP", 2: "IGMP", 6: "TCP", 17: "UDP", 41: "IPv6 in IP", 47: "GRE", 50: "ESP", 51: "AH", 58: "ICMPv6",
                103: "PIM", 112: "VRRP", 132: "SCTP"}

SYSLOG_PORT = 514
KEY_LOG_PORT = 52345             # dsV2Gshark: a car under test broadcasts its TLS secrets, so that Wireshark can decrypt
UDP_PORTS = {
    53: "DNS", 67: "DHCP", 68: "DHCP", 69: "TFTP", 123: "NTP", 137: "NetBIOS name service", 138: "NetBIOS datagram",
    161: "SNMP", SYSLOG_PORT: "syslog", 546: "DHCPv6", 547: "DHCPv6", 1900: "SSDP", 3702: "WS-Discovery", 5353: "mDNS",
    5355: "LLMNR", 15118: "SDP", 19375: "UDP port 19375 (power line tool)", KEY_LOG_PORT: "TLS key log",
}

ICMPV6_TYPES = {
    1: "ICMPv6 destination unreachable", 2: "ICMPv6 packet too big", 3: "ICMPv6 time exceeded", 4: "ICMPv6 parameter problem",
    130: "MLD query", 131: "MLDv1 report", 132: "MLD done", 134: "router advertisement", 137: "ICMPv6 redirect", 143: "MLDv2 report",
}

TLS_RECORDS = {20: "ChangeCipherSpec", 21: "Alert", 22: "Handshake", 23: "ApplicationData", 24: "Heartbeat"}
TLS_HANDSHAKES = {1: "ClientHello", 2: "ServerHello", 4: "NewSessionTicket", 11: "Certificate", 12: "ServerKeyExchange",
                  13: "CertificateRequest", 14: "ServerHelloDone", 15: "CertificateVerify", 16: "ClientKeyExchange", 20: "Finished",
                  22: "CertificateStatus"}                                  # RFC 5246 7.4, RFC 8446 4, RFC 6066 8

DIN = "urn:din:70121:2012:MsgDef"
ISO2 = "urn:iso:15118:2:2013:MsgDef"
NAMESPACES = {                   # namespace of the handshake -> name for people, schema of the codec
    DIN: ("DIN 70121", "DIN"),
    ISO2: ("ISO 15118-2", "ISO2"),
    "urn:iso:15118:2:2010:MsgDef": ("ISO 15118-2:2010", ""),
    "urn:iso:std:iso:15118:-20:DC": ("ISO 15118-20 DC", "ISO20_DC"),
    "urn:iso:std:iso:15118:-20:AC": ("ISO 15118-20 AC", "ISO20_AC"),
    "urn:iso:std:iso:15118:-20:WPT": ("ISO 15118-20 WPT", "ISO20_WPT"),
    "urn:iso:std:iso:15118:-20:ACDP": ("ISO 15118-20 ACDP", "ISO20_ACDP"),
    "urn:tesla:din:2018:MsgDef": ("Tesla DIN 2018", ""),
}
MAX_NAMESPACE_SHOWN = 60

PAYLOAD_EXI = 0x8001             # V2GTP payload types: slac-and-network sheet 5.1
PAYLOADS = {
    0x8002: "ISO 15118-20 mainstream", 0x8003: "ISO 15118-20 AC", 0x8004: "ISO 15118-20 DC", 0x8005: "ISO 15118-20 ACDP",
    0x8006: "ISO 15118-20 WPT", 0x8101: "ISO 15118-20 schedule renegotiation", 0x8102: "ISO 15118-20 metering confirmation",
    0x8103: "ISO 15118-20 ACDP system status", 0x8104: "ISO 15118-20 parking status", 0x9000: "SDP request over TCP",
    0x9001: "SDP response over TCP",
}
PAYLOAD_SCHEMAS = {              # ISO 15118-20 has its own payload types (exi.md section 3): these are decoded
    0x8002: "ISO20", 0x8003: "ISO20_AC", 0x8004: "ISO20_DC", 0x8005: "ISO20_ACDP", 0x8006: "ISO20_WPT", 0x8101: "ISO20", 0x8102: "ISO20",
    0x8103: "ISO20_ACDP", 0x8104: "ISO20",
}


def link(number: int) -> str:
    """Of a capture's interface that is no Ethernet."""
    return "CAN frame" if number == LINK_SOCKETCAN else f"link type {number}"


def ethertype(number: int) -> str:
    if number < FIRST_ETHERTYPE:
        return "IEEE 802.3 frame"
    return ETHERTYPES.get(number) or f"EtherType 0x{number:04X}"


def udp(src_port: int, dst_port: int) -> str:
    """The better known of the two ports gives the name; the destination wins."""
    return UDP_PORTS.get(dst_port) or UDP_PORTS.get(src_port) or f"UDP port {min(src_port, dst_port)}"


def ipv4(frame: bytes, at: int) -> str:
    """What an IPv4 packet that begins at `at` carries; IPv4 itself is not decoded here because V2G never uses it."""
    if len(frame) < at + 20 or frame[at] >> 4 != 4:
        return ""
    protocol = frame[at + 9]
    ports = at + (frame[at] & 0x0F) * 4
    if protocol == 17 and len(frame) >= ports + 4 and not frame[at + 6] & 0x1F and not frame[at + 7]:
        return "IPv4 " + udp(int.from_bytes(frame[ports:ports + 2], "big"), int.from_bytes(frame[ports + 2:ports + 4], "big"))
    return "IPv4 " + (IP_PROTOCOLS.get(protocol) or f"protocol {protocol}")


def namespace(text: str) -> tuple[str, str]:
    """Name for people and schema of the codec ("" when there is none) of a negotiated namespace."""
    known = NAMESPACES.get(text)
    return known if known else (ascii(text[:MAX_NAMESPACE_SHOWN])[1:-1], "")


def payload(kind: int) -> str:
    return PAYLOADS.get(kind) or f"V2GTP payload type 0x{kind:04X}"

"""How wide libpcap's time stamps are, on systems of 32 bit: Debian 13 made them 64 bit (package libpcap0.8t64), while pcap-ct takes them for two C longs.

Behind the time stamp stands the frame's length (struct pcap_pkthdr, pcap(3PCAP)): read from the wrong place it is some number of microseconds, and
that many octets of memory would be taken for the frame. So libpcap is asked: it is given a capture of one frame, and where the length stands tells.
"""
from __future__ import annotations

import ctypes
import struct
from types import ModuleType

from drivers.errors import DriverError

LIBRARY = "libpcap.so.0.8"           # Debian's name, whatever the width
LENGTH, ORIGINAL = 60, 1514          # of the frame in the capture: two numbers that stand nowhere else in its header
CAPTURE = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) + struct.pack("<IIII", 1, 2, LENGTH, ORIGINAL) + bytes(LENGTH)      # pcap-savefile(5)
ERROR_SIZE = 256                     # PCAP_ERRBUF_SIZE
REMEDY = "Set nic.driver to socket in the configuration: frames without libpcap."


def place_of_length(library: str = LIBRARY) -> int:
    """Octets of the time stamp in libpcap's frame header, 8 or 16. OSError: no such library; DriverError: it does not read a capture."""
    pcap, c = ctypes.CDLL(library), ctypes.CDLL(None)
    c.fmemopen.restype, c.fmemopen.argtypes = ctypes.c_void_p, (ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p)
    pcap.pcap_fopen_offline.restype, pcap.pcap_fopen_offline.argtypes = ctypes.c_void_p, (ctypes.c_void_p, ctypes.c_char_p)
    pcap.pcap_next_ex.argtypes = (ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(ctypes.c_void_p))
    pcap.pcap_close.argtypes = (ctypes.c_void_p,)
    error, header, octets = ctypes.create_string_buffer(ERROR_SIZE), ctypes.c_void_p(), ctypes.c_void_p()
    handle = pcap.pcap_fopen_offline(c.fmemopen(CAPTURE, len(CAPTURE), b"r"), error)
    if not handle:
        raise DriverError(f"libpcap cannot read a capture of one frame ({error.value.decode(errors='replace')}).", REMEDY)
    try:
        if pcap.pcap_next_ex(handle, ctypes.byref(header), ctypes.byref(octets)) != 1 or not header.value:
            raise DriverError("libpcap finds no frame in a capture of one frame.", REMEDY)
        # the narrow header has 16 octets: more is only read when the length is not among them
        for place in (8, 16):
            if struct.unpack("@II", ctypes.string_at(header.value + place, 8)) == (LENGTH, ORIGINAL):
                return place
    finally:
        pcap.pcap_close(handle)
    raise DriverError("libpcap's frame header has the length at neither of its two places.", REMEDY)


def set_width(octets: int) -> None:
    """`octets` for a time stamp, in what pcap-ct makes its structures of; before `import pcap`."""
    from utlx.platform import capi
    part = {ctypes.sizeof(kind): kind for kind in (ctypes.c_int32, ctypes.c_int64)}[octets // 2]
    capi.timeval = type("timeval", (ctypes.Structure,), {"_fields_": [("tv_sec", part), ("tv_usec", part)]})


def check(libpcap: ModuleType, octets: int) -> None:
    """DriverError unless pcap-ct's structures agree with the library's."""
    believed = libpcap.pkthdr.caplen.offset
    if believed != octets:
        raise DriverError(f"The Python package libpcap looks for a frame's length {believed} octets into its header, and the system's libpcap has it at {octets}.", REMEDY)

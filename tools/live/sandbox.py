"""What the viewer's process gives away before it listens to anybody: user, capabilities, files, processes. Each step reports; refused ones harm nothing else.

The process runs as the same user as the box (a service has one), and that user may open the board's pins. So the files are what counts: with Landlock
(Linux 5.13, landlock(7)) it can open no file, no device and no further socket address any more; everything that it needs is loaded before.
"""
from __future__ import annotations

import ctypes
import errno
import os
import pwd
import resource
import struct

NICE = 10                        # the box comes first
OOM = 800                        # when memory runs out, this process goes before everything of the box
MEMORY = 256 << 20               # octets of data: four times what it takes with all viewers
FILES = 128                      # descriptors
PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 38, 47, 4      # <linux/prctl.h>
CAPABILITY_VERSION_3 = 0x20080522                                            # <linux/capability.h>
CREATE_RULESET, RESTRICT_SELF = 444, 446     # landlock's system calls, the same number on every architecture
GET_VERSION = 1
FS_BITS = {1: 13, 2: 14, 3: 15, 4: 15}       # rights over files that this version of Landlock knows; from 5 on 16
NET_SINCE, SCOPE_SINCE = 4, 6                # TCP bind and connect; signals and abstract sockets outside
UNPRIVILEGED = ("ccsbox", "nobody")


def yield_to_box() -> None:
    """Priority of the processor and of memory: before anything else is loaded."""
    os.nice(NICE)
    try:
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
            file.write(str(OOM))
    except OSError as error:
        print(f"live view: memory priority: refused ({error.strerror})")


def give_up_rights() -> list[str]:
    """Called once, after everything is loaded and the port is open: what was granted, a sentence each."""
    steps = (("user", _user), ("capabilities", _capabilities), ("limits", _limits), ("files", _landlock))
    said = []
    for name, step in steps:
        try:
            said.append(f"{name}: {step()}")
        except OSError as error:
            said.append(f"{name}: refused ({os.strerror(error.errno or 0)})")
    return said


def _user() -> str:
    if os.geteuid():
        return f"{os.geteuid()}, not root"
    for name in UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        os.setgroups([])
        os.setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid)
        os.setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid)
        return f"root given up for {name}"
    raise OSError(errno.ENOENT, "no user")


def _capabilities() -> str:
    libc = _libc()
    _check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    if libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
    head, none = struct.pack("=Ii", CAPABILITY_VERSION_3, 0), bytes(24)
    _check(libc.capset(head, none))
    return "none left"


def _limits() -> str:
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    return f"{MEMORY >> 20} MiB, {FILES} descriptors"


def _landlock() -> str:
    """A ruleset that handles every right and allows none."""
    libc = _libc()
    version = libc.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), GET_VERSION)
    if version < 1:
        raise OSError(ctypes.get_errno(), "landlock")
    rights = (1 << FS_BITS.get(version, 16)) - 1
    words = [rights] + ([0b11] if version >= NET_SINCE else []) + ([0b11] if version >= SCOPE_SINCE else [])
    rules = struct.pack(f"={len(words)}Q", *words)
    fd = _check(libc.syscall(CREATE_RULESET, rules, ctypes.c_size_t(len(rules)), 0))
    try:
        _check(libc.syscall(RESTRICT_SELF, fd, 0))
    finally:
        os.close(fd)
    return f"none can be opened (Landlock {version})"


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _check(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")
    return result

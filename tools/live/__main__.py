"""`python -m tools.live password FILE`: asks for the live view's password and writes its digest."""
from __future__ import annotations

import argparse
import getpass
import sys
from pathlib import Path

from tools.live.password import LEAST_PASSWORD, MAX_PASSWORD, Digest, write

EPILOG = """\
The page itself is served by the box (live.enabled: true) and by a simulated one: ./install/run.sh --live
"""


def main(argv: list[str] | None = None) -> int:
    """0: written. 1: the password is none. 2: command line. 3: the file cannot be written."""
    parser = argparse.ArgumentParser(prog="python -m tools.live", description="the live view's password", epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("password",), help="ask for a password twice (or read one line of standard input) and write its digest")
    parser.add_argument("file", type=Path, help="what live.password_file names")
    args = parser.parse_args(argv)
    try:
        password = ask()
    except (EOFError, KeyboardInterrupt):
        print("\nNothing was written.", file=sys.stderr)
        return 1
    if not LEAST_PASSWORD <= len(password) or len(password.encode()) > MAX_PASSWORD:
        print(f"A password has {LEAST_PASSWORD} characters or more, and at most {MAX_PASSWORD} octets. Nothing was written.", file=sys.stderr)
        return 1
    try:
        write(args.file, Digest.of(password))
    except OSError as error:
        print(f"{args.file} cannot be written ({error.strerror}). Name another file, or run this as root (sudo).", file=sys.stderr)
        return 3
    print(f"{args.file} is written. Set live.password_file to it, and start the box anew (sudo systemctl restart ccsbox).")
    return 0


def ask() -> str:
    """Empty when the two differ."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first = getpass.getpass("Password of the live view: ")
    if first == getpass.getpass("The same again: "):
        return first
    print("These were two different ones.", file=sys.stderr)
    return ""


if __name__ == "__main__":
    sys.exit(main())

"""ccsbox: command line -> configuration -> board -> task table -> kernel. The first file to read."""
from __future__ import annotations

import random
import signal
import sys
from pathlib import Path

from tasks import command_line

HERE = Path(__file__).resolve().parent


def main(argv: list[str] | None = None) -> int:
    """0: ended in order. 1: the session did not. 2: command line or configuration is wrong. 3: a device or library is missing."""
    args = command_line.parse(argv)
    from drivers.errors import DriverError
    from exi_native.library import CodecUnavailable
    from kernel.settings import SettingsError, dump
    from tasks.config import load
    try:
        config = load(args.config or HERE / "config.yaml", args)
        if args.print_config:
            print(dump(config), end="")
            return 0
        if args.simulate:
            from tools.simulate.run import run
            return run(config, args)
        return appliance(config, args)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    except (DriverError, CodecUnavailable) as error:
        print(f"main.py: {error}", file=sys.stderr)
        return 3


if __name__ == "__main__":
    sys.exit(main())

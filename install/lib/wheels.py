"""Before an installation: does the package index answer, or does a folder of wheels hold what is asked for? Standard library only.

    wheels.py index SECONDS            0: it answers
    wheels.py folder DIR REQUIREMENTS  0: every package of the requirements file has a file there
"""
from __future__ import annotations

import configparser
import os
import re
import sys
import urllib.error
import urllib.request
from pathlib import Path

PYPI = "https://pypi.org/simple"
ASKED_FOR = "pyyaml"             # the one package that everything needs
CONFIGURATIONS = ("/etc/pip.conf", "~/.config/pip/pip.conf", "~/.pip/pip.conf")
LONGEST = 1000                   # octets of the answer that are read


def index_url() -> str:
    """Where pip would look: the environment, its configuration files, PyPI."""
    if os.environ.get("PIP_INDEX_URL"):
        return os.environ["PIP_INDEX_URL"]
    files = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        files.read([os.environ["PIP_CONFIG_FILE"]] if os.environ.get("PIP_CONFIG_FILE") else [os.path.expanduser(name) for name in CONFIGURATIONS])
    except configparser.Error as error:
        print(f"pip's configuration is not understood ({error}); asking {PYPI}", file=sys.stderr)
    return files.get("install", "index-url", fallback=files.get("global", "index-url", fallback=PYPI))


def unreachable(url: str, seconds: float) -> str | None:
    """Why the index does not answer within `seconds`; None when it does."""
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/{ASKED_FOR}/", timeout=seconds) as answer:
            answer.read(LONGEST)
    except (OSError, ValueError, urllib.error.URLError) as error:
        return f"the package index {url} does not answer ({getattr(error, 'reason', error)})"
    return None


def normal(name: str) -> str:
    """The name by which an index knows a package (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def asked_for(requirements: Path) -> list[str]:
    """Names of the packages in a requirements file and the files that it refers to."""
    found: list[str] = []
    for line in requirements.read_text(encoding="utf-8").splitlines():
        if line.startswith("-r "):
            found += asked_for(requirements.parent / line[3:].strip())
        elif line and not line.startswith(("#", "-")):
            found.append(normal(re.match(r"[\w.-]+", line)[0]))
    return list(dict.fromkeys(found))


def absent(folder: Path, requirements: Path) -> list[str]:
    """Packages without a file in the folder."""
    there = {normal(path.name.split("-")[0] if path.suffix == ".whl" else re.split(r"-\d", path.name)[0]) for path in folder.iterdir()
             if path.name.endswith((".whl", ".tar.gz", ".zip"))}
    return [name for name in asked_for(requirements) if name not in there]


def main(words: list[str]) -> int:
    if words[0] == "index":
        problem = unreachable(index_url(), float(words[1]))
    else:
        missing = absent(Path(words[1]), Path(words[2]))
        problem = f"{words[1]} has no wheel of {', '.join(missing)}" if missing else None
    if problem is not None:
        print(problem)
    return 0 if problem is None else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

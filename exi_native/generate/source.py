"""Finds the schema files: in a folder that is named, or by downloading the package that contains them."""
from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Optional

from .schemas import DISTRIBUTION, DISTRIBUTION_VERSION, SCHEMA_FOLDER, SCHEMAS


class SourceError(Exception):
    """The schema files were not found."""


def schema_folder(named: Optional[Path], scratch: Path) -> Path:
    """The folder that the entries of SCHEMAS are relative to; raises SourceError."""
    if named is None:
        named = _download(scratch)
    for folder in (named, named / SCHEMA_FOLDER):
        if (folder / SCHEMAS[0].entry).is_file():
            return folder
    raise SourceError(f"{named} contains neither {SCHEMAS[0].entry} nor {SCHEMA_FOLDER}/{SCHEMAS[0].entry}")


def _download(scratch: Path) -> Path:
    wanted = f"{DISTRIBUTION}=={DISTRIBUTION_VERSION}"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-compile",
               "--target", str(scratch), wanted]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as problem:
        detail = getattr(problem, "stderr", "") or str(problem)
        raise SourceError(f"pip could not fetch {wanted} ({detail.strip().splitlines()[-1]}); install it into a folder with "
                          f"pip install --no-deps --target DIR {wanted} and pass --xsd DIR") from problem
    return scratch

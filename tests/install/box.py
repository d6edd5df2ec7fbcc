"""An installation below a folder of its own (--root), from wheels that hold nothing but names: no network, no root, nothing that runs."""
from __future__ import annotations

import base64
import hashlib
import importlib.util
import os
import re
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 120
OS_RELEASE = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n'
MODULES = {"pyyaml": "yaml", "pillow": "PIL", "luma.oled": "luma/oled", "pyserial": "serial"}     # where the name of the package is none of a module
PROGRAM = ("main.py", "kernel", "tasks", "drivers", "exi_native", "tools", "install", "config.yaml", "pyproject.toml", "README.md", "LICENSE")


def requirements(file: Path) -> list[tuple[str, str]]:
    """Names with the lowest version that is good."""
    found = []
    for line in file.read_text().splitlines():
        if line.startswith("-r "):
            found += requirements(file.parent / line[3:])
        elif line and not line.startswith("#"):
            name, version = re.match(r"([\w.-]+?)\s*(?:[=>]=([\w.]+)|<.*)?(?:,.*)?$", line).groups()
            found.append((name, version or "1.0"))
    return found


def make_wheels(folder: Path, file: Path) -> Path:
    """A wheel for each requirement: PyYAML itself (the configuration is read with it), an empty module for the others."""
    folder.mkdir()
    for name, version in dict(requirements(file)).items():
        module = MODULES.get(name.lower(), name.replace("-", "_").lower())
        contents = {f"{module}/__init__.py": b""}
        if module == "yaml":
            home = Path(importlib.util.find_spec("yaml").origin).parent
            contents = {f"yaml/{path.name}": path.read_bytes() for path in home.glob("*.py")}
        info = f"{name.replace('-', '_')}-{version}.dist-info"
        contents[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
        contents[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        record = "".join(f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()},{len(data)}\n"
                         for path, data in contents.items())
        with zipfile.ZipFile(folder / f"{name.replace('-', '_')}-{version}-py3-none-any.whl", "w") as wheel:
            for path, data in contents.items():
                wheel.writestr(path, data)
            wheel.writestr(f"{info}/RECORD", record + f"{info}/RECORD,,\n")
    return folder


def copy_of_the_program(folder: Path) -> Path:
    """What an installation takes, to be changed at will."""
    folder.mkdir()
    for name in PROGRAM:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"), symlinks=True)
        else:
            shutil.copy2(source, folder / name)
    return folder


def small_program(folder: Path) -> Path:
    """The real installer with a program of a few lines: what matters is where it is put, and how often."""
    for room in ("kernel", "tasks", "drivers", "exi_native", "tools"):
        (folder / room).mkdir(parents=True)
        (folder / room / "__init__.py").write_text(f'"""{room}"""\n')
    (folder / "exi_native/codec.py").write_text("def load():\n    return None\n")
    (folder / "main.py").write_text("import sys, yaml\nprint(yaml.safe_load(open(sys.argv[sys.argv.index('--config') + 1])))\n")
    shutil.copytree(ROOT / "install", folder / "install", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "LICENSE", "README.md"):
        shutil.copy2(ROOT / name, folder / name)
    (folder / "config.yaml").write_text("mode: pev\ninterface: eth0\nboard: simulated\n")
    return folder


def tree(root: Path, contents: bool = True, times: bool = False) -> dict[str, str]:
    """Every path below `root`: kind, mode, and digest or target; with the time of the last change when asked for."""
    found = {}
    for path in sorted(root.rglob("*")):
        info = path.lstat()
        what = f"{stat.S_IFMT(info.st_mode):o} {stat.S_IMODE(info.st_mode):o}"
        if path.is_symlink():
            what += " " + os.readlink(path)
        elif path.is_file() and contents:
            what += " " + hashlib.sha256(path.read_bytes()).hexdigest()
        found[str(path.relative_to(root))] = what + (f" {info.st_mtime_ns}" if times else "")
    return found


class Installation:
    """One folder that stands for a box."""

    def __init__(self, root: Path, wheels: Path | None = None, source: Path = ROOT) -> None:
        self.root, self.wheels, self.source = root, wheels, source
        (root / "etc").mkdir(parents=True, exist_ok=True)
        if not (root / "etc/os-release").exists():
            (root / "etc/os-release").write_text(OS_RELEASE)

    def run(self, *words: str, script: str = "install.sh", **environment: str) -> subprocess.CompletedProcess:
        """install.sh with these options; `environment` on top of one without settings of pip."""
        settings = {key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "CCSBOX_"))}
        settings |= {"PYTHON": sys.executable, "PIP_CONFIG_FILE": os.devnull} | environment
        return subprocess.run(["sh", str(self.source / "install" / script), *words], env=settings, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=PATIENCE_S, check=False)

    def install(self, *words: str, **environment: str) -> subprocess.CompletedProcess:
        offline = () if self.wheels is None else ("--offline", str(self.wheels))
        return self.run("--root", str(self.root), "--yes", "--interface", "eth1", *offline, *words, **environment)

    def uninstall(self, *words: str) -> subprocess.CompletedProcess:
        return self.run("--root", str(self.root), "--uninstall", "--yes", *words)

    def copy(self, root: Path) -> Installation:
        shutil.copytree(self.root, root, symlinks=True)
        return Installation(root, self.wheels, self.source)

    def path(self, name: str) -> Path:
        return self.root / name.lstrip("/")

    def manifest(self) -> list[list[str]]:
        return [line.split("\t") for line in self.path("/opt/ccsbox/manifest").read_text().splitlines()]

    def in_force(self) -> str:
        return os.path.basename(os.readlink(self.path("/opt/ccsbox/current")))

    def settled(self) -> dict[str, str]:
        """What an installation comes to: contents, except those of the environment, in which pip writes times and places."""
        found = {}
        for name, what in tree(self.root).items():
            inside = name.startswith("opt/ccsbox/venv-")
            found[name] = " ".join(what.split()[:2]) if inside and "/" in name[len("opt/ccsbox/"):] else what
        found["opt/ccsbox/manifest"] = "\n".join("\t".join(line) for line in self.manifest() if "/venv-" not in line[2])
        return found

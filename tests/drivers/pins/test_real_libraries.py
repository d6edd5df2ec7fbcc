"""The libraries themselves: gpiod 2.x, Debian's 1.6, PyPI's 1.5.4 and Adafruit-Blinka ask a kernel in C that knows linux/gpio.h.

What is not installed is skipped: `pip install gpiod`, `apt install python3-libgpiod`; other releases by CCSBOX_GPIOD=FOLDER:FOLDER.
"""
import glob
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
DEBIAN = f"/usr/lib/python3/dist-packages/gpiod.cpython-{sys.version_info[0]}{sys.version_info[1]}-*.so"

pytestmark = pytest.mark.skipif(not (shutil.which("cc") and os.path.exists("/usr/include/linux/gpio.h")),
                                reason="needs a C compiler and linux/gpio.h (linux-libc-dev)")


@pytest.fixture(scope="module")
def twin(tmp_path_factory):
    made = tmp_path_factory.mktemp("twin") / "gpio_twin.so"
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", str(made), str(HERE / "gpio_twin.c"), "-ldl"], check=True)
    return made


def ask(twin, library, folder=None, **environment):
    done = subprocess.run([sys.executable, str(HERE / "real_library.py"), str(ROOT), library], capture_output=True, text=True,
                          env={**os.environ, "LD_PRELOAD": str(twin), "CCSBOX_TWIN": f"{os.getpid()}", "CCSBOX_TWIN_BUSY": "8",
                               **({} if folder is None else {"PYTHONPATH": str(folder)}), **environment})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def keeps_the_contract(said, abi, blinka=False):
    assert said["chips"] == [["gpiochip0", "pinctrl-bcm2711", 54]] and said["name"] == "gpiochip0/53"
    assert said["output"] == [False, True, True, True, False]
    assert said["input"] == [True, False, 1], "active low at 0 V; not driven: EPERM"
    assert said["held"] == [abi] * (2 if blinka else 3), "one descriptor for each line, and the library keeps none"
    assert "busy: it is held by spi0 CS0" in said["GPIO8"] and "contactors and bulb both use GPIO17" in said["GPIO17"]
    if blinka:
        assert "low first" in said["active_low"]
    else:
        assert said["active_low"] == said["output"]


def debian(tmp_path):
    """Debian's module alone in a folder: what lies beside it there is not for this environment."""
    found = glob.glob(DEBIAN)
    if not found:
        pytest.skip("python3-libgpiod of this Python is not installed")
    os.symlink(found[0], tmp_path / os.path.basename(found[0]))
    return tmp_path


def expected(said):
    return ("GpiodV2", "v2") if said["version"].startswith("2.") else ("GpiodPypi1" if said["version"] == "1.5.4" else "GpiodV1", "v1")


def test_the_installed_gpiod(twin):
    if importlib.util.find_spec("gpiod") is None:
        pytest.skip("gpiod is not installed")
    said = ask(twin, "gpiod")
    api, abi = expected(said)
    assert said["api"] == api
    keeps_the_contract(said, abi)


def test_debians_gpiod(twin, tmp_path):
    said = ask(twin, "gpiod", debian(tmp_path))
    api, abi = expected(said)
    assert said["api"] == api
    keeps_the_contract(said, abi)


@pytest.mark.parametrize("of_debian", [False, True])
def test_blinka(twin, tmp_path, of_debian):
    if importlib.util.find_spec("adafruit_blinka") is None or not of_debian and importlib.util.find_spec("gpiod") is None:
        pytest.skip("Adafruit-Blinka or gpiod is not installed")
    said = ask(twin, "blinka", debian(tmp_path) if of_debian else None, BLINKA_FORCEBOARD="RASPBERRY_PI_4B", BLINKA_FORCECHIP="BCM2XXX")
    keeps_the_contract(said, expected(said)[1], blinka=True)


@pytest.mark.parametrize("folder", [f for f in os.environ.get("CCSBOX_GPIOD", "").split(":") if f] or [None])
def test_other_releases(twin, folder):
    if folder is None:
        pytest.skip("CCSBOX_GPIOD names no folder with another release of gpiod")
    said = ask(twin, "gpiod", folder)
    api, abi = expected(said)
    assert said["api"] == api
    keeps_the_contract(said, abi)

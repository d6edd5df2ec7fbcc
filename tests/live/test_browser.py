"""Chromium opens the page: values move, the display is drawn, less power, a stop in two steps that ends the charge in order, old data is unmissable."""
from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Iterator

import pytest

from kernel.timer import S
from tests.live.browser import PROGRAM, Browser
from tests.live.served import Served
from tests.live.test_charge import free_port
from tools.live.password import Digest, write

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.real_time, pytest.mark.skipif(PROGRAM is None, reason="chromium is not installed (apt-get install chromium)")]
LIT = "(() => { const d = document.getElementById('oled').getContext('2d').getImageData(0, 0, 128, 64).data; let n = 0; for (let i = 0; i < d.length; i += 4) n += d[i] > 99; return n; })()"
PHASE = "document.getElementById('phase').textContent"
VISIBLE = "(e => e && e.offsetParent !== null && getComputedStyle(e).visibility !== 'hidden')(document.querySelector('{}'))"


@pytest.fixture(scope="module")
def browser(tmp_path_factory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("chromium")) as made:
        yield made


def number(browser: Browser, name: str) -> float | None:
    text = str(browser.look(f"document.getElementById('{name}').textContent"))
    return None if text == "?" else float(text)


def visible(selector: str) -> str:
    return VISIBLE.format(selector)


def test_a_simulated_charge_is_seen_lowered_and_stopped(browser, tmp_path):
    port = free_port()
    (tmp_path / "own.yaml").write_text(f"live: {{port: {port}}}\n")
    box = subprocess.Popen([sys.executable, str(ROOT / "main.py"), "--simulate", "--live", "--config", str(tmp_path / "own.yaml"), "--output", str(tmp_path / "out"), "--battery-kwh", "300"],
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert box.stdout is not None
        assert "Live view: open" in box.stdout.readline()
        browser.errors.clear()
        assert "serves 127.0.0.1" in box.stdout.readline()
        said: list[str] = []
        reader = threading.Thread(target=lambda: said.extend(box.stdout), daemon=True)       # type: ignore[arg-type]
        reader.start()
        browser.open(f"http://127.0.0.1:{port}/")
        browser.until("!document.body.classList.contains('stale')")
        browser.until(f"{PHASE} === 'Charging' && Number(document.getElementById('amperes').textContent) > 60", 60)
        volts, amperes, watts = (number(browser, name) for name in ("volts", "amperes", "kilowatts"))
        assert volts is not None and amperes is not None and watts is not None and abs(volts * amperes / 1000 - watts) < 1.0
        assert number(browser, "soc") is not None and browser.look("document.getElementById('contactors').textContent") == "closed"
        lit = browser.look(LIT)
        assert 300 < lit < 4000
        drawn = "(() => { const c = document.querySelector('#timeline canvas.data'); const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; return new Set(d).size; })()"
        assert browser.look(drawn) > 30 and browser.look("document.querySelectorAll('#timeline .chip').length") > 10
        energy = number(browser, "energy")
        browser.until(f"Number(document.getElementById('energy').textContent) > {energy}")
        assert browser.look("document.getElementById('lines').childElementCount") > 20

        browser.look("(() => { const s = document.getElementById('share'); s.value = 30; s.dispatchEvent(new Event('input')); })()")
        browser.click("#share-go")
        browser.until("document.getElementById('share-now').textContent.startsWith('30 %')")
        browser.until("Number(document.getElementById('kilowatts').textContent) < 46")
        browser.until("document.getElementById('limits').textContent.includes('30')")
        browser.look("(() => { const s = document.getElementById('share'); s.value = 100; s.dispatchEvent(new Event('input')); })()")
        assert browser.look("document.getElementById('share-go').disabled && document.getElementById('share').max === '30'"), "the page itself offers no more"

        browser.click("#stop")
        browser.until(visible("#stop-yes"))
        assert browser.look(PHASE) == "Charging"                  # the first step alone does nothing
        browser.click("#stop-no")
        browser.until(f"{visible('#stop')} && !{visible('#stop-yes')}")
        browser.click("#stop")
        browser.until(visible("#stop-yes"))
        browser.click("#stop-yes")
        browser.until("document.getElementById('end').textContent === 'Stopped by user'", 60)
        browser.until("document.getElementById('contactors').textContent === 'open'", 60)
        assert browser.look("[...document.querySelectorAll('#lines li')].some(l => l.textContent.includes('stop asked for by the live view (127.0.0.1)'))")
        assert browser.errors == []
        browser.open("about:blank")
        assert box.wait(120) == 0
        reader.join(10)
        assert any("Stopped by user" in line for line in said), "".join(said[-30:])
    finally:
        box.kill()
        box.wait()
        if box.stdout is not None:
            box.stdout.close()


def keep_telling(served: Served, stop: threading.Event) -> None:
    while not stop.wait(0.1):
        served.tell(inlet_voltage=400.0, inlet_current=100.0, v2g_state="CurrentDemand")


class Telling:
    """The box lives, five times a second."""

    def __init__(self, served: Served) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=keep_telling, args=(served, self._stop))

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def test_old_data_is_grey_with_its_age_and_then_unknown(browser):
    with Served() as served:
        served.feed.pages = lambda: [b"\xff" * 128] * 8
        served.greet()
        with Telling(served):
            browser.open(f"http://127.0.0.1:{served.port}/")
            browser.until("!document.body.classList.contains('stale') && document.getElementById('volts').textContent === '400'")
            assert not browser.look(visible("#alarm")) and browser.look(LIT) == 128 * 64
        browser.until(f"document.body.classList.contains('stale') && {visible('#alarm')}", 10)
        assert browser.look("document.getElementById('alarm-text').textContent").startswith("NO DATA for")
        assert browser.look("getComputedStyle(document.getElementById('numbers')).filter") != "none"
        browser.until("document.getElementById('volts').textContent === '?' && document.getElementById('contactors').textContent === '?'", 15)
        assert browser.look(LIT) == 0
        with Telling(served):
            browser.until("!document.body.classList.contains('stale') && document.getElementById('volts').textContent === '400'")
            assert browser.look(LIT) == 128 * 64
        served.channel.close()
        browser.until("document.getElementById('alarm-text').textContent.includes('program has ended')", 10)


def test_a_viewer_that_is_killed_is_noticed_on_the_page(browser):
    with Served() as served:
        served.greet()
        with Telling(served):
            browser.open(f"http://127.0.0.1:{served.port}/")
            browser.until("!document.body.classList.contains('stale')")
            os.kill(served.process.pid, signal.SIGKILL)
            browser.until("document.getElementById('alarm-text').textContent.startsWith('NO DATA')", 10)


def test_what_strangers_write_stays_text(browser):
    evil = "<img src=x onerror=\"document.title='broken'\"><script>document.title='broken'</script>"
    with Served() as served:
        served.greet()
        served.signals.evse_id.claim("test")
        with Telling(served):
            served.journal.note(S, "v2g", "%s", evil, level="warning")
            browser.open(f"http://127.0.0.1:{served.port}/")
            served.tell(evse_id=evil, safety_trip=evil, connection_state=evil, v2g_protocol=evil)
            browser.until("document.getElementById('detail').textContent.includes('<img')")
            browser.until("document.getElementById('lines').textContent.includes('<script>')")
            assert browser.look("document.querySelectorAll('#detail img, #lines img, #timeline img, main script').length") == 0
            assert "broken" not in browser.look("document.title")


@pytest.mark.parametrize("width", [320, 390, 800, 1600])
def test_it_fits_onto_a_phone(browser, width):
    with Served() as served:
        served.greet()
        with Telling(served):
            browser.size(width, 800, width < 600)
            browser.open(f"http://127.0.0.1:{served.port}/")
            browser.until("!document.body.classList.contains('stale')")
            assert browser.look("document.documentElement.scrollWidth") <= width
            assert browser.look("document.getElementById('stop').getBoundingClientRect().height") >= 44      # a finger
            browser.size(1280, 800)


def test_the_door_asks_for_the_password(browser, tmp_path):
    secret = tmp_path / "live-password"
    write(secret, Digest.of("correct horse"))
    with Served(secret) as served:
        served.greet()
        with Telling(served):
            browser.open(f"http://127.0.0.1:{served.port}/")
            for word, result in (("wrong horse", "document.querySelector('.said').textContent === 'Wrong password.'"), ("correct horse", "document.getElementById('phase') && !document.body.classList.contains('stale')")):
                browser.until("document.querySelector('input[type=password]') && document.activeElement.type === 'password'")
                browser.type(word)
                browser.click("button[type=submit]")
                browser.until(result)
            assert browser.look(visible("#leave"))
            browser.click("#leave button")
            browser.until("document.querySelector('input[type=password]')")

"""A headless Chromium, led by its DevTools protocol: opens a page, waits for what stands on it, presses, takes pictures. Debian package: chromium."""
from __future__ import annotations

import asyncio
import base64
import json
import os
import select
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tornado.websocket import websocket_connect

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PATIENCE_S = 60.0
MAX_MESSAGE = 64 << 20
OPTIONS = ("--headless=new", "--disable-gpu", "--no-first-run", "--disable-extensions", "--disable-background-networking", "--disable-component-update", "--disable-sync",
           "--remote-debugging-port=0", "--mute-audio", "--hide-scrollbars", "--disable-dev-shm-usage", "--no-proxy-server")


class Browser:
    """A context manager; `errors` is what the page's console complained of."""

    def __init__(self, folder: Path) -> None:
        """`folder`: for its profile."""
        root = ("--no-sandbox",) if os.geteuid() == 0 else ()
        self.errors: list[str] = []
        self._loop = asyncio.new_event_loop()
        self._number = 0
        self.process = subprocess.Popen([str(PROGRAM), *OPTIONS, *root, f"--user-data-dir={folder}", "about:blank"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE)
        address = self._address()
        self._socket = self._loop.run_until_complete(self._connect(address))
        page = next(t for t in self._ask("Target.getTargets")["targetInfos"] if t["type"] == "page")
        self._session: str | None = None
        self._session = self._ask("Target.attachToTarget", targetId=page["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._ask(f"{domain}.enable")

    async def _connect(self, address: str) -> Any:
        return await websocket_connect(address, max_message_size=MAX_MESSAGE)

    def _address(self) -> str:
        """Chromium says it on standard error."""
        said = b""
        pipe = self.process.stderr
        assert pipe is not None
        while select.select([pipe], (), (), PATIENCE_S)[0]:
            data = os.read(pipe.fileno(), 4096)
            said += data
            found = said.partition(b"DevTools listening on ")[2]
            if b"\n" in found:
                return found.split(b"\n")[0].strip().decode()
            if not data:
                break
        raise AssertionError(f"Chromium did not start: {said[-2000:]!r}")

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self.process.kill()
        self.process.wait()
        if self.process.stderr is not None:
            self.process.stderr.close()
        self._loop.close()

    _session: str | None = None

    def _ask(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        words = {"id": self._number, "method": method, "params": params, **({"sessionId": self._session} if self._session else {})}
        return self._loop.run_until_complete(asyncio.wait_for(self._exchange(words), 2 * PATIENCE_S))

    async def _exchange(self, words: dict[str, Any]) -> dict[str, Any]:
        await self._socket.write_message(json.dumps(words))
        while True:
            text = await self._socket.read_message()
            assert text is not None, "Chromium has gone"
            found = json.loads(text)
            if found.get("method") == "Runtime.exceptionThrown":
                self.errors.append(str(found["params"]["exceptionDetails"].get("exception", {}).get("description")))
            elif found.get("method") == "Log.entryAdded" and found["params"]["entry"]["level"] == "error":
                self.errors.append(found["params"]["entry"]["text"] + " " + found["params"]["entry"].get("url", ""))
            elif found.get("id") == words["id"]:
                assert "error" not in found, found["error"]
                return found["result"]

    def open(self, address: str) -> None:
        self._ask("Page.navigate", url=address)

    def size(self, width: int, height: int, phone: bool = False) -> None:
        self._ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=2 if phone else 1, mobile=phone)

    def look(self, expression: str) -> Any:
        """The value of a JavaScript expression; a promise is waited for."""
        found = self._ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def until(self, condition: str, seconds: float = 30.0) -> Any:
        """Waits in the browser until the expression is true; its value. A page that is replaced meanwhile is asked anew."""
        script = (f"new Promise(done => {{ const end = performance.now() + {seconds * 1000:g}; (function look() {{ let v = null; try {{ v = Boolean({condition}); }} catch (e) {{ v = null; }} "
                  "if (v || performance.now() > end) done(v); else setTimeout(look, 50); })(); })")
        for _ in range(5):
            try:
                value = self.look(script)
            except AssertionError as error:
                if "context was destroyed" in str(error) or "navigated" in str(error):
                    continue
                raise
            assert value, f"not within {seconds:g} s: {condition}\n{self.text()[:1500]}"
            return value
        raise AssertionError("the page is replaced again and again")

    def text(self) -> str:
        return str(self.look("document.body ? document.body.innerText : ''"))

    def click(self, selector: str) -> None:
        """With the mouse, where the element is: what is covered or hidden is not pressed."""
        place = self.look(f"(() => {{ const e = document.querySelector({selector!r}); e.scrollIntoView({{block: 'center'}}); const r = e.getBoundingClientRect(); "
                          "return [r.x + r.width / 2, r.y + r.height / 2, r.width]; })()")
        assert place[2] > 0, f"{selector} is not to be seen"
        for kind in ("mousePressed", "mouseReleased"):
            self._ask("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1)

    def type(self, text: str) -> None:
        self._ask("Input.insertText", text=text)

    def picture(self, file: Path, whole: bool = True) -> None:
        data = self._ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        file.write_bytes(base64.b64decode(data))

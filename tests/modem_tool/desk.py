"""The tool in virtual time: a cable with emulated modems and faults at one end, the command line at the other."""
from __future__ import annotations

import io
from contextlib import contextmanager
from pathlib import Path
from random import Random

from kernel.clock import VirtualClock
from kernel.timer import NEVER
from tasks.homeplug import pib
from tasks.homeplug.config import EmulatorConfig
from tasks.homeplug.emulator import EmulatedModem
from tasks.homeplug.wire import parse
from tasks.homeplug.wire_modem import VS_RS_DEV_REQ
from tasks.homeplug.wire_module import ReadModule, VS_MODULE_OPERATION_REQ
from tools.modem.__main__ import main
from tools.modem.screen import Screen
from tools.modem.workbench import Around

HOST = bytes.fromhex("020000000b01")


class Cable:
    """A Nic to one or more modems; `hook(frame, now)` sees what the host sends and may return False to lose it."""

    def __init__(self, *modems, loss=0.0, seed=1):
        self.mac = HOST
        self.errors = 0
        self.modems = list(modems)
        self.loss = loss
        self.rng = Random(seed)
        self.hook = lambda frame, now: True
        self.sent = []
        self.answers = []                # of stations that only a test knows: (function of (frame, now) -> frames)
        self.waiting = []

    def fileno(self):
        return -1

    def send(self, frame, now):
        self.sent.append(frame)
        if self.hook(frame, now) is False or self.rng.random() < self.loss:
            return True
        for modem in self.modems:
            modem.from_host(frame, now)
            modem.to_line()
        for answer in self.answers:
            self.waiting += answer(frame, now)
        return True

    def receive(self, limit, now):
        out = [(now, frame) for frame in self.waiting]
        self.waiting = []
        for modem in self.modems:
            modem.handle_timer(now)
            modem.to_line()
            out += modem.to_host(limit, now)
        return [x for x in out if self.rng.random() >= self.loss]

    def next_event(self):
        return min([m.next_timer() for m in self.modems] + [0 if self.waiting else NEVER])

    def close(self):
        self.waiting.clear()


def modem(role="pev", kind="qca7005", host=HOST, torn=False, seed=1):
    made = EmulatedModem(EmulatorConfig(kind=kind, pib_role=role, sleep=False), host, False, Random(seed))
    made.host_mac = HOST
    made.flash.torn = torn
    return made


class Desk:
    """`run` a command line: (exit code, what was printed). `answer`: what the person says; None: nobody is there."""

    def __init__(self, folder: Path, *modems, answer=True, terminal=False, **kw):
        self.cable = Cable(*modems, **kw)
        self.clock = VirtualClock(1)
        self.folder = folder
        self.answer = answer
        self.terminal = terminal
        self.questions = []
        self.stop = False
        self.guards = 0
        self.stamp = 0

    def run(self, line: str, capsys=None):
        out = io.StringIO()

        def ask(question):
            self.questions.append(question)
            return self.answer

        def stamp():
            self.stamp += 1
            return f"20260101-{self.stamp:06}"

        @contextmanager
        def guarded():
            self.guards += 1
            yield
        self.screen = Screen(out, self.clock.now, terminal=self.terminal)
        around = Around(lambda name: self.cable, self.clock, self.screen, ask, stamp, lambda: 0xC0FFEE, guarded, lambda: self.stop, self.folder)
        command, _, rest = line.partition(" ")
        code = main([command, "--interface", "plc0", *rest.split()], around)
        errors = capsys.readouterr().err if capsys is not None else ""
        return code, out.getvalue() + errors

    def image(self, number=0):
        return pib.parse(self.cable.modems[number].flash.image)

    def steps(self):
        """What was asked of modules, and resets."""
        asked = (parse(frame) for frame in self.cable.sent)
        return [type(m.step) if type(m) is VS_MODULE_OPERATION_REQ else type(m) for m in asked if type(m) in (VS_MODULE_OPERATION_REQ, VS_RS_DEV_REQ)]

    def writes(self):
        return [s for s in self.steps() if s is not ReadModule]

    def files(self, kind="pib-*.bin"):
        return sorted(self.folder.glob(kind)) if self.folder.is_dir() else []

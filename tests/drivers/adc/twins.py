"""Twins of converters down to the register: an I2C bus that decodes octets, an ADS1x15 with conversion time, an MCP3208 behind xfer2."""
from __future__ import annotations

import errno
import os
from typing import Any, Callable

MUX = (("0", "1"), ("0", "3"), ("1", "3"), ("2", "3"), ("0", None), ("1", None), ("2", None), ("3", None))
SCALE = (6.144, 4.096, 2.048, 1.024, 0.512, 0.256, 0.256, 0.256)
RATE = {"ads1115": (8, 16, 32, 64, 128, 250, 475, 860), "ads1015": (128, 250, 490, 920, 1600, 2400, 3300, 3300)}
RESET_CONFIG = 0x8583
READ = 1                        # I2C_M_RD of linux/i2c.h


class Now:
    """The time that twins and test share, ns."""

    def __init__(self) -> None:
        self.ns = 0


class FakeSmbus:
    """smbus2.SMBus with twins on it. As the Raspberry Pi's adapter: one read message per transfer, and it is the last.

    Faults: `stuck` an errno for every transfer (110: SDA held low), `closed`. Figures: `octets`, `bits`, `transfers`.
    """

    def __init__(self, *chips: Ads1x15Twin) -> None:
        self.chips = {chip.address: chip for chip in chips}
        self.stuck = 0
        self.fault: Callable[[], int] = lambda: 0        # an errno for this transfer, 0 for none
        self.closed = 0
        self.octets = self.bits = self.transfers = 0
        self.longest = 0

    def i2c_rdwr(self, *messages: Any) -> None:
        self.transfers += 1
        if any(m.flags & READ for m in messages[:-1]):
            raise OSError(errno.EOPNOTSUPP, "only one read message supported, has to be last")
        code = self.stuck or self.fault()
        if code:
            raise OSError(code, "bus")
        self.longest = max(self.longest, sum(1 + m.len for m in messages))
        for m in messages:
            chip = self.chips.get(m.addr)
            self.octets += 1
            self.bits += 10                              # START and nine bits of the address
            if chip is None or chip.absent:
                raise OSError(errno.EREMOTEIO, "Remote I/O error")
            if m.flags & READ:
                for n, octet in enumerate(chip.read(m.len)):
                    m.buf[n] = octet
            else:
                chip.write(bytes(m))
            self.octets += m.len
            self.bits += 9 * m.len
        self.bits += 1                                   # STOP

    def close(self) -> None:
        self.closed += 1


class Ads1x15Twin:
    """ADS1115 or ADS1015: registers, multiplexer, gain, conversion time of the rate times `slowness`.

    `pins`: V of each pin as functions of the time in ns. Faults: `absent`, `stalls` (a conversion never ends), `brown_out()`.
    """

    def __init__(self, now: Now, chip: str = "ads1115", address: int = 0x48, slowness: float = 1.0) -> None:
        self.now = now
        self.chip = chip
        self.address = address
        self.slowness = slowness
        self.pins: dict[str, Callable[[int], float]] = {name: lambda at: 0.0 for name in "0123"}
        self.absent = False
        self.stalls = False
        self.conversions = 0
        self.brown_out()

    def brown_out(self) -> None:
        self.config = RESET_CONFIG
        self.result = 0
        self.pointer = 0
        self.begun: int | None = None                    # the running conversion

    def conversion_ns(self) -> int:
        return int(1e9 / RATE[self.chip][self.config >> 5 & 7] * self.slowness)

    def pin_volts(self, mux: int, at: int) -> float:
        plus, minus = MUX[mux]
        return self.pins[plus](at) - (self.pins[minus](at) if minus else 0.0)

    def _advance(self) -> None:
        """Let conversions end that have had their time."""
        if self.begun is None or self.stalls:
            return
        length = self.conversion_ns()
        ended = (self.now.ns - self.begun) // length
        if ended < 1:
            return
        single = bool(self.config & 0x0100)
        begun = self.begun if single else self.begun + (ended - 1) * length
        code = round(self.pin_volts(self.config >> 12 & 7, begun) / SCALE[self.config >> 9 & 7] * 32768)
        if self.chip == "ads1015":
            code = code >> 4 << 4
            self.result = max(-32768, min(0x7FF0, code)) & 0xFFFF
        else:
            self.result = max(-32768, min(0x7FFF, code)) & 0xFFFF
        self.conversions += 1 if single else ended
        self.begun = None if single else self.begun + ended * length

    def write(self, data: bytes) -> None:
        self._advance()
        self.pointer = data[0] & 3
        if len(data) == 3 and self.pointer == 1:
            word = data[1] << 8 | data[2]
            self.config = word & 0x7FFF
            if not word & 0x0100 or word & 0x8000:       # continuous mode converts at once, a single shot when OS is written
                self.begun = self.now.ns

    def read(self, length: int) -> bytes:
        self._advance()
        idle = self.begun is None
        word = (self.result, self.config & 0x7FFF | (0x8000 if idle else 0), 0x8000, 0x7FFF)[self.pointer]
        return word.to_bytes(2, "big")[:length]


class Mcp3208Twin:
    """spidev.SpiDev with an MCP3208 behind it, bit by bit (DS21298, figure 6-1). Faults: `line` all ones or all zeros, `code` an errno."""

    def __init__(self, now: Now, reference: float = 3.3) -> None:
        self.now = now
        self.reference = reference
        self.pins: list[Callable[[int], float]] = [lambda at: 0.0] * 8
        self.line: int | None = None                     # 0 or 1: nothing drives DOUT and this is what it is held at
        self.code = 0
        self.closed = 0
        self.octets = 0

    def xfer2(self, frame: list[int]) -> list[int]:
        if self.code:
            raise OSError(self.code, "spi")
        self.octets += len(frame)
        if self.line is not None:
            return [0xFF * self.line] * len(frame)
        sent = [octet >> bit & 1 for octet in frame for bit in range(7, -1, -1)]
        heard = [1] * len(sent)                          # DOUT is open until the null bit; a pull-up holds it
        start = sent.index(1)
        single, number = sent[start + 1], sent[start + 2] << 2 | sent[start + 3] << 1 | sent[start + 4]
        volts = self.pins[number](self.now.ns) if single else self.pins[number](self.now.ns) - self.pins[number ^ 1](self.now.ns)
        code = max(0, min(4095, int(volts / self.reference * 4096)))
        null = start + 6                                 # one clock of sampling after D0
        heard[null] = 0
        for n in range(12):
            if null + 1 + n < len(heard):
                heard[null + 1 + n] = code >> 11 - n & 1
        return [int("".join(map(str, heard[n:n + 8])), 2) for n in range(0, len(heard), 8)]

    def close(self) -> None:
        self.closed += 1


class IioTree:
    """A folder like /sys/bus/iio/devices with one device, and an `os` that fails like a driver: `code` for pread, `gone` after an unbind."""

    def __init__(self, root: Any, name: str = "TI-am335x-adc", number: int = 0, scale: str | None = "0.439453125") -> None:
        self.root = root
        self.folder = root / f"iio:device{number}"
        self.folder.mkdir(parents=True)
        self.put("name", name)
        if scale is not None:
            self.put("in_voltage_scale", scale)
        self.code = 0
        self.preads = 0
        self.opened: dict[int, str] = {}                 # by descriptor: the file's name
        self.live: dict[str, Callable[[], int]] = {}     # by file name: what it says now, in place of its content
        self.dead: set[int] = set()                      # descriptors of a device that was unbound
        self.O_RDONLY, self.O_CLOEXEC = os.O_RDONLY, os.O_CLOEXEC

    def put(self, name: str, content: object) -> None:
        (self.folder / name).write_text(f"{content}\n")

    def rename(self, number: int) -> None:
        """Unbound and bound again: another number, and the old descriptors are dead."""
        self.folder = self.folder.rename(self.root / f"iio:device{number}")
        self.dead = set(self.opened)

    def open(self, path: str, flags: int) -> int:
        descriptor = os.open(path, flags)
        self.opened[descriptor] = os.path.basename(path)
        return descriptor

    def pread(self, descriptor: int, octets: int, offset: int) -> bytes:
        self.preads += 1
        if descriptor in self.dead:
            raise OSError(errno.ENODEV, "No such device")
        if self.code:
            raise OSError(self.code, os.strerror(self.code))
        live = self.live.get(self.opened[descriptor])
        return os.pread(descriptor, octets, offset) if live is None else b"%d\n" % live()

    def close(self, descriptor: int) -> None:
        del self.opened[descriptor]
        self.dead.discard(descriptor)
        os.close(descriptor)

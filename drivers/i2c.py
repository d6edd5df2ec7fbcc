"""One chip on a Linux I2C bus through smbus2: registers of two octets, plain transfers, failures named for people.

Each register is read by a transfer of its own (pointer written, repeated start, contents read): the Raspberry Pi's adapter
(i2c-bcm2835) takes one read message per transfer, and it must be the last. SMBus word calls are not used: they swap the octets
(boards sheet, section 3).
"""
from __future__ import annotations

import errno
import fcntl
import os
from typing import Any

from drivers.errors import DriverError

I2C_TIMEOUT = 0x0702         # ioctl of linux/i2c-dev.h, in units of 10 ms
BUS_TIMEOUT_10MS = 2         # 20 ms, two ticks: 10 might be less than one jiffy; the adapter's default of 1 s would be 100 ticks (house 3.3)

NO_ANSWER = (errno.ENXIO, errno.EREMOTEIO, errno.EIO)          # a chip that does not acknowledge: ENXIO or EREMOTEIO, by adapter
STUCK = (errno.ETIMEDOUT, errno.EAGAIN, errno.EBUSY)           # EAGAIN: arbitration lost
GONE = (errno.ENODEV, errno.ENOENT, errno.EBADF)               # an adapter on USB that was unplugged


class I2cChip:
    """Registers of one chip. Methods raise OSError; the driver above decides what that means. `octets`: on the wire, addresses included."""

    def __init__(self, number: int, address: int, bus: Any | None = None) -> None:
        """`bus`: an object with smbus2's i2c_rdwr and close (tests). DriverError where the bus cannot be opened."""
        try:
            from smbus2 import i2c_msg
        except ImportError as error:
            raise DriverError(f"A chip on I2C needs smbus2, which cannot be imported ({error}).",
                              "Install it: pip install smbus2, or Debian's python3-smbus2.") from error
        self.number = number
        self.address = address
        self.octets = 0
        self._message = i2c_msg
        self._given = bus
        self._bus: Any | None = None
        self._pointers: dict[int, Any] = {}
        try:
            self.open()
        except OSError as error:
            raise DriverError(f"I2C bus {number} (/dev/i2c-{number}) cannot be opened: {error.strerror or error}.", {
                errno.ENOENT: "Enable I2C (Raspberry Pi: dtparam=i2c_arm=on; load i2c-dev), or correct the bus number: `i2cdetect -l` lists them.",
                errno.EACCES: "Join the group i2c and log in again: `sudo usermod -aG i2c $USER`.",
            }.get(error.errno or 0, "See `i2cdetect -l` and the kernel's messages (dmesg).")) from error

    def open(self) -> Any:
        """The bus; opened where it is not."""
        if self._bus is None:
            if self._given is not None:
                self._bus = self._given
            else:
                from smbus2 import SMBus
                self._bus = SMBus(self.number)
                shorten_timeout(self._bus.fd)
        return self._bus

    def write(self, data: bytes) -> None:
        """One transfer: the register's number, then its contents."""
        (self._bus or self.open()).i2c_rdwr(self._message.write(self.address, data))
        self.octets += 1 + len(data)

    def read_word(self, register: int) -> int:
        """One transfer of five octets: the register's 16 bits, most significant octet first."""
        pointer = self._pointers.get(register)
        if pointer is None:
            pointer = self._pointers[register] = self._message.write(self.address, bytes((register,)))
        answer = self._message.read(self.address, 2)
        (self._bus or self.open()).i2c_rdwr(pointer, answer)
        self.octets += 5
        high, low = answer
        return high << 8 | low

    def close(self) -> None:
        """A given bus is closed as well: it was handed over."""
        bus, self._bus = self._bus, None
        try:
            if bus is not None:
                bus.close()
        except OSError:
            return                      # an adapter that is gone: there is nothing left to close

    def reopen_after(self, error: OSError) -> None:
        """After an error that says the adapter is gone, the next transfer opens the bus again."""
        if error.errno in GONE:
            self.close()


def shorten_timeout(descriptor: int) -> None:
    """A hung bus may block for BUS_TIMEOUT_10MS and not for the adapter's default; older adapters refuse, which is no fault."""
    try:
        fcntl.ioctl(descriptor, I2C_TIMEOUT, BUS_TIMEOUT_10MS)
    except OSError:
        return


def explain(error: OSError, number: int, address: int) -> tuple[str, str]:
    """A few words for the display (at most 14 characters), and what to do."""
    code = error.errno or 0
    if code in NO_ANSWER:
        return "no answer", (f"Nothing acknowledges at address 0x{address:02X} of I2C bus {number} ({_name(code)}): check supply, wiring and address; "
                             f"`i2cdetect -y {number}` must show {address:02x}.")
    if code in STUCK:
        return "bus stuck", (f"I2C bus {number} is held or disturbed ({_name(code)}): check pull-ups, cable length and a chip that holds SDA or SCL low; "
                             "cutting the chips' supply frees a held line.")
    if code in GONE:
        return "no I2C bus", f"I2C bus {number} is gone ({_name(code)}): plug the adapter in again; `i2cdetect -l` lists the buses."
    if code == errno.EOPNOTSUPP:
        return "bus unfit", f"I2C bus {number} knows SMBus only: use an adapter for which `i2cdetect -F {number}` says \"I2C Commands yes\"."
    return "bus error", f"I2C bus {number} says {_name(code)} ({os.strerror(code) if code else error}): see the kernel's messages (dmesg)."


def _name(code: int) -> str:
    return errno.errorcode.get(code, f"error {code}")

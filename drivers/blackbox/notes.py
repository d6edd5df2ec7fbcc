"""The words of a tape: each note is a list whose first item says what it is."""
from __future__ import annotations

VISIT = 0        # [0, ns since the visit before]: the kernel visits its table; what follows happened in it
HEARD = 1        # [1, channel, value]: a device answers this from here on
DID = 2          # [2, channel, arguments, answer]: a device was told something
SIGNAL = 3       # [3, signal, value] or [3, signal, value, ns that it is older than the visit]
FRAMES = 4       # [4, n]: so many frames were fetched from the interface, the next ones of the file
SENT = 5         # [5, accepted]: the next outgoing frame of the file was given to the interface
CAN_HEARD = 6    # [6, channel, [[id, octets, extended, ns before the visit], ...]]
DRAWN = 7        # [7, bits, number]: drawn from the source of randomness; bits -1: a fraction
TOLD = 8         # [8, what, value]: somebody outside the table did something to it, after the visit
ONCE = 9         # [9, channel, value]: a device answers this once (keys)
GAP = 10         # [10, what]: notes were lost here, or thrown away to keep the file within its size
MESSAGE = 11     # [11, direction, name, values]: a V2G message, decoded or about to be encoded; for readers, nothing is played from it

NAMES = ("visit", "heard", "did", "signal", "frames", "sent", "can heard", "drawn", "told", "once", "gap", "message")

"""Settings of TCP."""
from __future__ import annotations

from kernel.record import settings_class
from kernel.settings import setting


@settings_class(slots=True)
class TcpConfig:
    """Section `tcp`."""

    listen_port: int = setting(51110, low=1, high=65535,
                               meaning="charger: port that SDP announces; 49152 or higher, because some cars insist (15118-2)")
    mss: int = setting(1220, unit="octets", low=536, high=1440, meaning="largest segment we ask for")
    maximum_segment_lifetime_ms: int = setting(5000, unit="ms", low=1000, high=5000,
                                               meaning="TIME-WAIT lasts twice this; the listener is free at once anyway")
    second_connection: str = setting("reset", choices=("reset", "ignore"),
                                     meaning="charger: what a second connection hears while one lives; ignore: the peer repeats its SYN")
    keep_alive_s: int = setting(0, unit="s", low=0, high=7200,
                                meaning="0: off; otherwise a peer that is silent for this long is asked, 2 s apart, and given up after 5 questions")
    user_timeout_ms: int = setting(20000, unit="ms", low=3000, high=120000,
                                   meaning="give up when the peer acknowledges nothing for this long")

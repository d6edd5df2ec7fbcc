"""Settings of the connection supervision: what counts as plugged in, and when it begins again after a failure."""
from __future__ import annotations

from kernel.record import settings_class
from kernel.settings import setting


@settings_class(slots=True)
class ConnectionConfig:
    """Section `connection`."""

    require_pilot: bool = setting(True, meaning="begin only with pilot state B and 5 % PWM; false: nobody measures the pilot, begin when plugged in (at once where nothing says so, as on a bench)")
    require_duty: bool = setting(True, meaning="car: of these, 5 % PWM; false: the board reads the pilot's state and no duty, and begins as soon as it is plugged in")
    ac_pwm_percent: float = setting(100.0, unit="%", low=10, high=100, meaning="DC box as SoC reader: pilot after evse.soc_readout until unplugged (26.7: 16 A); 100: steady, a wallbox behind us takes over")
    ac_by_pilot: bool = setting(True, meaning="AC charger: a car that does not speak (after C_sequ_retry new beginnings, or without our modem) charges by the pilot alone")
    error_step_f: bool = setting(True, meaning="charger: after a lost link (D-LINK_ERROR) show state F for T_step_EF between X1 and the new 5 %: some cars begin anew only then")
    pause_wake_s: int = setting(900, unit="s", low=0, high=86_400, meaning="charger: 5 % is offered again so long after a car has paused; 0: only when it toggles the pilot")
    restart: bool = setting(True, meaning="begin again by itself after a failure while plugged in")
    restart_first_ms: int = setting(2000, unit="ms", low=500, high=60_000, meaning="pause before the first new beginning; doubles with each failure")
    restart_ceiling_ms: int = setting(30_000, unit="ms", low=1000, high=600_000, meaning="longest pause; some cars need 30 s before they start SLAC again")


@settings_class(slots=True)
class ExitConfig:
    """Section `exit`: when the program ends by itself. It never does while its outputs are not safe."""

    on_session_end: bool = setting(False, meaning=("end after a session (a pause is none), or when unplugged with less than 50 V at the plug; for a box that is powered "
                                                   "only while plugged in, or that a service manager starts anew. --once: after one try, with or without a session"))

"""Settings of the HomePlug slice: matching, the own modem, and the emulated modem of the simulation."""
from __future__ import annotations

from kernel.record import settings_class
from kernel.settings import setting


@settings_class(slots=True)
class SlacConfig:
    """Section `slac` of the configuration."""

    assume_link: bool = setting(False, meaning="no SLAC, no modem: the link is taken as up (peer on a plain cable)")
    modem_kind: str = setting("auto", choices=("auto", "qualcomm", "lumissil", "vertexcom", "generic"), meaning=(
        "auto: ask with the messages of Qualcomm and Lumissil; a maker's name: only its messages (vertexcom: CM_SET_KEY, and result 1 is a failure);"
        " generic: only CM_SET_KEY, the link is proven by IPv6 traffic"))
    modem_set_role: bool = setting(True, meaning=(
        "Lumissil: set coordinator (charger) or station (car) with APCM_SET_CCO when the modem's configuration binary has it wrong"))
    atten_direct_db: float = setting(40.0, unit="dB", low=1, high=100, meaning=(
        "PEV: average attenuation up to which a charger is taken without validation (bench hardware is 6 to 18 dB above 10)"))
    atten_indirect_db: float = setting(80.0, unit="dB", low=1, high=120, meaning=(
        "PEV: average attenuation up to which a charger is considered at all, with validation"))
    validate: str = setting("indirect", choices=("never", "indirect", "several"), meaning=(
        "PEV: which chargers have to count toggles of our pilot before they are matched. never: none; indirect: those above atten_direct_db; "
        "several: also whenever more than one is heard, which finds out a neighbour that lies about its attenuation, if the right charger can count"))
    count_toggles: bool = setting(True, meaning="EVSE: validate a car that asks for it by counting its toggles; false, or no pilot readable: say that it is "
                                                "not required. Two boxes with --simulate-io have no common pilot: false")
    request_amp_map: bool = setting(False, meaning="exchange amplitude maps after the join (CM_AMP_MAP); never seen in the field, a peer's request is always answered")
    parm_cadence_ms: int = setting(1400, unit="ms", low=400, high=5000, meaning="PEV: spacing of CM_SLAC_PARM.REQ after the first three")
    start_delay_ms: int = setting(60, unit="ms", low=20, high=90, meaning="PEV: from the first CM_SLAC_PARM.CNF to the first START (limit 100)")
    batch_interval_ms: int = setting(30, unit="ms", low=20, high=40, meaning="PEV: between START and SOUND messages (limits 20 to 50)")
    early_decision: bool = setting(False, meaning="PEV: do not wait 1200 ms when every charger that confirmed has delivered its result")
    match_attempts: int = setting(3, low=3, high=100, meaning="PEV: attempts with a charger heard before matching counts as failed, in not less than 10 s")
    rx_attenuation_db: int = setting(0, unit="dB", low=-60, high=60, meaning=(
        "EVSE: calibrated attenuation of the own receive path, taken off each group (alpitronic about 10, Tesla about 1)"))
    synthetic_attenuation_db: int = setting(9, unit="dB", low=1, high=40, meaning=(
        "EVSE: what to report when the modem delivers empty profiles (TP-Link); never 0, the Ioniq ignores it"))
    # The limits of the word for the link are ours. Real matched chargers report 8.4 to 22.6 dB on average (slac-and-network sheet 8), 40 dB is
    # atten_direct_db; all 44 rates in captures are 9 Mbit/s: HS-ROBO has 9.8, STD-ROBO 4.9, MINI-ROBO 3.8 (HomePlug Green PHY's three modes).
    good_db: float = setting(25.0, unit="dB", low=1, high=120, meaning="attenuation up to which the link is called good")
    weak_db: float = setting(40.0, unit="dB", low=1, high=120, meaning="attenuation up to which the link is called weak; above: poor")
    good_mbit: int = setting(8, unit="Mbit/s", low=1, high=1000, meaning="average PHY rate from which the link is called good")
    weak_mbit: int = setting(4, unit="Mbit/s", low=1, high=1000, meaning="average PHY rate from which the link is called weak; below: poor")
    slac_init_s: int = setting(40, unit="s", low=20, high=50, meaning="EVSE: TT_EVSE_SLAC_init, wait for the first CM_SLAC_PARM.REQ")
    five_percent_forever: bool = setting(True, meaning="EVSE: go on waiting after TT_EVSE_SLAC_init instead of reporting a failure (not in AC with connection.ac_by_pilot)")


@settings_class(slots=True)
class EmulatorConfig:
    """Section `modem_emulator`: a modem in software, so that the same program runs over a plain cable or in simulation."""

    enabled: bool = setting(False, meaning="put an emulated modem between the program and its network interface")
    kind: str = setting("qca7005", choices=(
        "qca7005", "qca7000", "qca7420", "tplink", "qca7500", "int6400", "cg5317", "cg5317-old", "vertexcom", "generic", "bootloader"), meaning=(
        "whose habits to imitate (emulator_kinds.py); tplink is qca7420; cg5317-old speaks MMV 0; generic knows CM_SET_KEY only; bootloader has no firmware"))
    restart_ms: int | None = setting(None, unit="ms", low=0, high=20000, meaning="silence after CM_SET_KEY; null: the kind's own (qca7005 1500, TP-Link 4000)")
    join_ms: int = setting(400, unit="ms", low=0, high=20000, meaning="from equal keys to traffic (measured 200 to 8000)")
    sleep: bool = setting(True, meaning="kinds that sleep do so after 30 s without a coordinator, and wake up when they hear one")
    rate_mbit: int = setting(9, unit="Mbit/s", low=0, high=255, meaning="average PHY rate that is told of the other end")
    attenuation_db: int = setting(10, unit="dB", low=0, high=100, meaning="EVSE: attenuation reported for each sound heard")
    pib_role: str = setting("auto", choices=("auto", "pev", "evse", "unset"), meaning=(
        "as what the emulated modem's PIB is set up; auto: as the box needs it. Another one shows what a wrongly set up modem does"))
    beacon_ms: int = setting(2000, unit="ms", low=50, high=10000, meaning="period of the announcement between emulated modems")

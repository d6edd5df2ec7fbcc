"""The captures through the listener as a user starts it: none crashes, no frame is lost, and what is told of three of them is right.

Expected values were read by a person from the single messages (`main.py listen --pcap FILE`): what the car asks for, what
the charger delivers and what both have told as their limits.
"""
from pathlib import Path

import pytest

import main as program
from drivers.capture_file import CaptureReader
from kernel.channels import Mailbox
from kernel.journal import Journal
from tasks.listen.config import ListenConfig
from tasks.listen.exi import decoder
from tasks.listen.hearing import State
from tasks.listen.record import Category, Role
from tasks.listen.task import ListenTask
from tasks.signals import Signals
from tests.listen import line
from tools.show.listen_panels import picture
from tools.show.listen_view import listen_view
from tools.show.text import width

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "captures"
FILES = sorted(p for p in FOLDER.iterdir() if p.suffix in (".pcap", ".pcapng")) if FOLDER.is_dir() else []
pytestmark = [pytest.mark.needs_shared, pytest.mark.skipif(not FILES, reason=f"no captures at {FOLDER}")]
CAR, CHARGER = Role.CAR, Role.CHARGER


def capture(start):
    found = [path for path in FILES if path.name.startswith(start)]
    if not found:
        pytest.skip(f"no capture {start} at {FOLDER}")
    return found[0]


def listen(path, seen=None):
    """The live listener on a capture; `seen(task, record name)` after each frame that ended a V2G message."""
    task = ListenTask(decoder(line.codec()), Mailbox("frames", 1), Signals(), ListenConfig(), Journal())
    last = 0
    with open(path, "rb") as file:
        for frame in CaptureReader(file):
            before = sum(task.sessions.messages.values())
            last = max(last, frame.at)
            task.hear(frame.data, frame.at, last, frame.missing, frame.link)
            task.handle_timer(last)
            if seen is not None and sum(task.sessions.messages.values()) != before:
                seen(task)
    return task


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name[:24])
def test_no_frame_is_lost_and_the_screen_stands(path):
    task = listen(path)
    tally = task.follow.tally
    assert sum(tally.kinds.values()) == tally.frames > 0
    assert tally.of(Category.MALFORMED) == 0
    for columns, rows in ((110, 40), (80, 24)):
        lines = picture(listen_view(task.hearing, path.name, task.hearing.last_at, 0, False), [], columns, rows)
        assert len(lines) == rows and {width(x) for x in lines} == {columns}


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name[:24])
def test_as_a_user_starts_it(path, capsys):
    assert program.main(["listen", "--pcap", str(path), "--speed", "max"]) == 0
    shown = capsys.readouterr()
    assert shown.err == "" and " frames in " in shown.out and "Traceback" not in shown.out


# --- tier (a): what cannot be seen ------------------------------------------------------------------------------------

@pytest.mark.parametrize("start, keys, sees", [
    ("2022-10-26_WP4", ["car slac", "unicast"], "SLAC of charger, a host with its own modem, IP multicast"),
    ("2025-01-21_listenMode_01", ["car slac", "unicast"], "SLAC of charger"),
    ("2025-01-21_listenMode_02", ["car slac", "authentication", "half"], "SLAC of charger, a host with its own modem, V2G of charger"),
    ("2025-01-21_listenMode_03", ["car slac", "half"], "SLAC of charger"),
    ("2025-01-21_listenMode_04", ["car slac", "authentication", "unicast"], "SLAC of charger"),
    ("2025-01-21_listenMode_05", ["car slac", "authentication", "unicast"], "SLAC of charger"),
])
def test_what_an_ordinary_modem_hides(start, keys, sees):
    """Sheet 2.9: set up as PEV it shows the charger's SLAC; after joining only broadcasts; spoofing shows a part and disturbs."""
    task = listen(capture(start))
    tier = task.hearing.tier(task.hearing.last_at)
    assert tier.letter == "a" and tier.sees.startswith(sees.split(",")[0])
    assert set(keys) <= set(tier.blind)
    if len(sees) > len("SLAC of charger"):
        assert (list(tier.blind), tier.sees) == (keys, sees)


def test_wp4_is_hidden_after_the_match():
    task = listen(capture("2022-10-26_WP4"))
    (session,) = task.sessions.sessions
    assert task.hearing.state(task.hearing.last_at) is State.HIDDEN
    assert (session.charger.hex(), session.car.hex(), session.nid.hex()) == ("6257251844be", "0465650064c3", "bc90751a5e390e")      # sheet 2.6
    assert len(task.hearing.evidence.modems) == 3                            # sheet 8.1: 3 modems visible


@pytest.mark.parametrize("start", ["ISO-20_mTLS", "ISO-2_DC_PnC"])
def test_tls_hides_the_conversation(start):
    task = listen(capture(start))
    tier = task.hearing.tier(task.hearing.last_at)
    assert tier.letter == "b" and list(tier.blind) == ["tls"] and task.hearing.state(0) in (State.ENCRYPTED, State.ENDED)


@pytest.mark.parametrize("start", ["2022-11-25_v0.2_ABB", "2023-03-02", "2023-04-16", "2024-06-18", "ISO-2_DC_DS", "ISO-2_AC", "spi_ioniq"])
def test_a_tap_of_both_directions_hides_nothing(start):
    task = listen(capture(start))
    assert task.hearing.tier(task.hearing.last_at).blind == {}


# --- tier (b): values and the limiting side ---------------------------------------------------------------------------

def at_loop(start, number):
    """Readings after the CurrentDemandRes with this number, from 1."""
    found = []

    def look(task):
        count = task.sessions.messages.get("CurrentDemandRes", 0)
        if count == number and not found:
            r = task.hearing.readings_of(task.sessions.latest)
            found.append((r.soc, r.voltage, r.current, r.target_voltage, r.target_current, (r.charger.voltage, r.charger.current, r.charger.power),
                          (r.car.voltage, r.car.current, r.car.power), r.isolation, (r.limiting.side, r.limiting.by)))
    listen(capture(start), look)
    return found[0]


@pytest.mark.parametrize("start, number, expected", [
    # 165 A asked for and 162.23 A delivered; below the charger's 178.1 A, and 60.3 kW are below its 65.1 kW: the car's wish
    ("spi_ioniq", 184, (57, 365.5, 162.23, 412.8, 165.0, (500, 178.1, 65100), (412.8, 200.0, 98000), "Warning", (CAR, "wish"))),
    # the charger begins: nothing comes although 5 A are asked for
    ("spi_ioniq", 6, (57, 353.2, 0.025, 412.8, 5.0, (500, 184.3, 65100), (412.8, 200.0, 98000), "Valid", (CHARGER, "unexplained"))),
    # 200 A is EVMaximumCurrentLimit, the charger could 500 A and 150 kW
    ("ISO-2_DC_DS", 209, (20, 376.2, 199.98, 460.0, 200.0, (1000.0, 500.0, 150000), (460.0, 200.0, 200000), "Valid", (CAR, "current"))),
    # pyPLC tells 450 V and 1 A: its EVSEMaximumVoltageLimit of 450 V, which is also the car's target, is reached
    ("2024-06-18", 34, (75, 450, 1, 450, 22.1, (450, 200, 10000), (470, 375.0, None), "Valid", (CHARGER, "voltage"))),
    # pyPLC tells 350 V and 10 A where 156.9 A are asked for: no limit of it explains that
    ("2023-04-16", 350, (27, 350, 10, 412.8, 156.9, (450, 200, 10000), (412.8, 200.0, 98000), "Valid", (CHARGER, "unexplained"))),
])
def test_values_and_limiting_side(start, number, expected):
    assert at_loop(start, number) == expected


@pytest.mark.parametrize("start, car, charger", [
    # EVMaxCurrent 32 A and EVSEMaxCurrent 13 A; EVSENominalVoltage is no limit
    ("ISO-2_AC", (400.0, 32.0, None), (None, 13.0, None)),
    # 11 kW in all, and three times 2990 W
    ("ISO-20_BPT", (None, None, 11000), (None, None, 8970.0)),
])
def test_limits_of_ac_sessions(start, car, charger):
    (r,) = listen(capture(start)).hearing.readings.values()
    assert (r.car.voltage, r.car.current, r.car.power) == car
    assert (r.charger.voltage, r.charger.current, r.charger.power) == charger
    assert r.limiting is None                                # nobody tells what an on-board charger draws


def test_the_energy_of_the_real_session():
    """33 s of CurrentDemand, rising by 10 A/s to 172 A at 353 to 369 V: about 0.42 kWh."""
    task = listen(capture("spi_ioniq"))
    (readings,) = task.hearing.readings.values()
    assert readings.energy == pytest.approx(421.5, abs=0.1)
    assert readings.troubles == ["charger: EVSE_Shutdown"]
    assert readings.answers.greatest == pytest.approx(600_000_000, abs=10_000)


def test_raw_attenuation_of_the_real_session():
    """Sheet 1.4: 29.6 dB at the connected outlet, 51.4 dB at its neighbour, which hears 8 of 10; the charger reported 19.4 dB."""
    task = listen(capture("spi_ioniq"))
    slac = task.hearing.matching_of(bytes.fromhex("e00ee1ffd3e2"))
    assert {mac.hex(): (raw.reports, raw.average) for mac, raw in slac.modems.items()} == {"bcf2aff186ce": (10, 29.6), "bcf2afffce8f": (8, 51.4)}
    assert slac.chargers == {bytes.fromhex("52ad9207328b"): 19.4}

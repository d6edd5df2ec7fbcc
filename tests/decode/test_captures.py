"""Every recording beside the repository: read to the end, each frame accounted for, the known messages found."""
import io
from pathlib import Path

import pytest

from tasks.listen.exi import decoder
from tasks.listen.record import Category
from tasks.listen.verdict import stop_reason
from tools.decode.run import follow_file
from tests.listen import line

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "captures"
FILES = sorted(p for p in FOLDER.iterdir() if p.suffix in (".pcap", ".pcapng")) if FOLDER.is_dir() else []
pytestmark = [pytest.mark.needs_shared, pytest.mark.skipif(not FILES, reason=f"no captures at {FOLDER}")]

# frames: capinfos. V2GTP messages: tshark, segments with payload that begins 01 fe, retransmissions and the 135 frames
# that 2022-12-20 holds twice left out (field-pyplc-clara sheet 11)
KNOWN = {
    "2022-10-26_WP4": (33, 0), "2022-11-17": (29, 0), "2022-11-25_v0.2_ABB": (488, 9), "2022-11-25_v0.2_alpi": (212, 0),
    "2022-12-13": (880, 98), "2022-12-20": (3286, 135), "2023-03-02": (3398, 212), "2023-04-16": (6348, 1466), "2023-05-03": (28, 0),
    "2023-05-24": (730, 138), "2024-06-18": (1223, 186), "2025-01-21": (1008, 1), "2026-02-08": (747, 57), "DIN_DC": (443, 200),
    "IEC61851": (35, 0), "ISO-20_BPT": (192, 46), "ISO-20_mTLS": (325, 0), "ISO-2_AC": (1110, 510), "ISO-2_DC_Bat": (540, 184),
    "ISO-2_DC_DS": (2085, 974), "ISO-2_DC_PnC": (524, 0), "spi_ioniq": (1751, 1120),
}


def known(path):
    return next((value for start, value in KNOWN.items() if path.name.startswith(start)), None)


def decode(path):
    err = io.StringIO()
    summary, problem = follow_file(str(path), decoder(line.codec()), err)
    assert problem is None
    return summary


@pytest.fixture(scope="module")
def summaries():
    """Name -> summary; each file is read once."""
    return {path.name: decode(path) for path in FILES}


def one(summaries, start):
    found = [summary for name, summary in summaries.items() if name.startswith(start)]
    if not found:
        pytest.skip(f"no capture {start} at {FOLDER}")
    return found[0]


def test_every_frame_is_accounted_for(summaries):
    for name, summary in summaries.items():
        tally = summary.follow.tally
        assert tally.frames > 0, name
        assert sum(tally.kinds.values()) == tally.frames, name
        assert tally.of(Category.MALFORMED) == 0, (name, tally.reasons)
        assert list(summary.lines(None)), name


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name[:24])
def test_counts_agree_with_capinfos_and_tshark(path, summaries):
    numbers = known(path)
    if numbers is None:
        pytest.skip("no reference counts for this capture")
    summary = summaries[path.name]
    undecoded = sum(n for (_, kind), n in summary.follow.tally.kinds.items() if kind.startswith("V2G not decoded"))
    assert (summary.follow.tally.frames, sum(summary.sessions.messages.values()) + undecoded) == numbers


@pytest.mark.parametrize("start, messages", [
    # request/response pairs named in the sheet, section 11
    ("2023-04-16", {"PreCharge": 26, "CurrentDemand": 699}),
    ("2023-05-24", {"CurrentDemand": 50}),
    ("2024-06-18", {"PreCharge": 10, "CurrentDemand": 66, "WeldingDetection": 2, "SessionStop": 1}),
    ("2023-03-02", {"CableCheck": 62}),
    ("2022-12-13", {"CableCheck": 10}),
    ("spi_ioniq", {"PreCharge": 17, "CurrentDemand": 367, "WeldingDetection": 4, "SessionStop": 1}),
])
def test_messages_named_in_the_sheet(start, messages, summaries):
    found = one(summaries, start).sessions.messages
    for name, count in messages.items():
        assert (found[f"{name}Req"], found[f"{name}Res"]) == (count, count), name


@pytest.mark.parametrize("start, sentences", [
    ("2022-11-17", ["1 SDP requests without an answer (or hidden: answer and session are unicast)"]),
    ("2022-11-25_v0.2_alpi", ["charger refused the TCP connection (5 SYN, 5 RST): nothing listens on that port"]),
    ("2022-11-25_v0.2_ABB", ["ChargeParameterDiscoveryReq was not answered; charger (FIN) closed the connection 0.0 s after ChargeParameterDiscoveryReq"]),
    ("2023-05-03", ["the charger's CM_SLAC_PARM.CNF carries another RunID than the car's request (6 of 6): the car ignores it"]),
    ("2026-02-08", ["PowerDeliveryReq was not answered; car (RST) closed the connection 2.1 s after PowerDeliveryReq"] * 3),
    ("2022-12-13", ["charger reports EVSE_EmergencyShutdown in PreChargeRes; charger (FIN) closed the connection after PreChargeRes"]),
    ("2022-12-20", ["charger answered CurrentDemandRes with FAILED_SequenceError; charger (FIN) closed the connection after CurrentDemandRes"]),
    ("DIN_DC", ["normal end: SessionStop exchanged"]),
    ("spi_ioniq", ["charger asked for the end (EVSE_Shutdown in CurrentDemandRes); SessionStop exchanged"]),
])
def test_why_the_sessions_ended(start, sentences, summaries):
    summary = one(summaries, start)
    assert [stop_reason(s, summary.last) for s in summary.sessions.sessions][:len(sentences)] == sentences


def test_the_real_car_on_the_real_charger(summaries):
    """Sheet sections 8 and 11: Ioniq and HYC150, tapped at the car's modem, times in steps of 10 ms."""
    summary = one(summaries, "spi_ioniq")
    (session,) = summary.sessions.sessions
    assert (session.car.hex(), session.charger.hex()) == ("e00ee1ffd3e2", "52ad9207328b")
    assert (session.attenuation, session.nid.hex(), round(session.current_max)) == (19.4, "4ee9194d581702", 172)
    phases = {p.name: (p.end - p.start) / 1e9 for p in session.phases}
    assert phases["matching"] == pytest.approx(1.46, abs=0.02)
    assert phases["joining the network"] == pytest.approx(4.11, abs=0.02)
    assert phases["CableCheck"] == pytest.approx(14, abs=1)
    assert summary.sessions.latencies["PowerDelivery"].greatest == pytest.approx(600_000_000, abs=10_000)


@pytest.mark.parametrize("start, db", [("2022-11-25_v0.2_ABB", 22.1), ("2022-12-13", 21.0), ("2022-12-20", 8.7), ("2023-03-02", 17.3), ("2024-06-18", 9.6)])
def test_attenuation_agrees_with_the_sheet(start, db, summaries):
    assert one(summaries, start).sessions.sessions[0].attenuation == db


def test_the_answer_to_sdp_agrees_with_the_sheet(summaries):
    """Sheet 5.2: alpitronic 71 ms here, Tesla V3 19 ms, ABB 429 ms, HYC150 70 ms."""
    for start, ms in (("2023-03-02", 19), ("2022-11-25_v0.2_ABB", 429), ("spi_ioniq", 70)):
        assert one(summaries, start).sessions.latencies["SDP"].greatest / 1e6 == pytest.approx(ms, abs=1), start

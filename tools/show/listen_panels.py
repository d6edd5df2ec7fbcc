"""ListenView -> lines of a terminal, pure: what goes on between car and charger, from the most important to the journal."""
from __future__ import annotations

from typing import Sequence

from kernel.journal import Event
from kernel.timer import MS, S
from tasks.listen.columns import id_text
from tasks.listen.hearing import State
from tasks.listen.limiting import narrower
from tasks.listen.lines import printable
from tasks.listen.readings import TROUBLED
from tasks.listen.record import Role
from tasks.listen.tier import TITLES
from tasks.listen.values import mac_text
from tools.show.listen_view import ListenView
from tools.show.text import ACCENT, BAD, DIM, GOOD, LABEL, PLAIN, TITLE, WARN, Line, clock, fit, minutes, spread, width

NAME = 12                            # columns of the labels at the left
COLUMN = 27                          # columns of the car's values
BLIND_LINES = 10                     # lines for what cannot be seen while no values are to be shown ...
BLIND_LINES_BESIDE = 3               # ... and beside values
MAX_SOURCE = 30                      # characters of the file's name
MAX_HEARD = 4                        # chargers and modems whose attenuation is listed
LIVE_KEYS = "q leave"
FILE_KEYS = "space pause · + - speed · . step · q leave"
STEPS = (("PARM", ("CM_SLAC_PARM_REQ", "CM_SLAC_PARM_CNF")), ("START", ("CM_START_ATTEN_CHAR_IND",)), ("SOUND", ("CM_MNBC_SOUND_IND",)),
         ("ATTEN", ("CM_ATTEN_CHAR_IND", "CM_ATTEN_CHAR_RSP")), ("MATCH", ("CM_SLAC_MATCH_REQ", "CM_SLAC_MATCH_CNF")))
STATE_STYLE = {State.SESSION: GOOD, State.HIDDEN: WARN, State.ENCRYPTED: WARN, State.QUIET: DIM, State.ENDED: TITLE}


def picture(view: ListenView, events: Sequence[Event], columns: int, rows: int) -> list[Line]:
    """Exactly `rows` lines of exactly `columns` characters; `events` oldest first."""
    body = [*_tier(view, columns, rows), [("─" * columns, DIM)], *_session(view, columns)]
    room = rows - 2 - len(body)
    if room > 1:
        body += [[("─" * columns, DIM)], *(_event(event, view.start) for event in events[-(room - 1):])]
    body = body[:rows - 2] + [[] for _ in range(rows - 2 - len(body))]
    return [fit(line, columns) for line in [_header(view, columns), *body, _footer(view, columns)][:rows]]


def _header(view: ListenView, columns: int) -> Line:
    letter = view.tier.letter
    name = printable(view.source)
    name = name if len(name) <= MAX_SOURCE else name[:MAX_SOURCE - 1] + "…"
    left: Line = [(" ccsbox ", TITLE), ("listener ", PLAIN), (f"tier ({letter}) {TITLES[letter]}  " if letter in "ab" else f"{TITLES[letter]}  ", TITLE),
                  (name, ACCENT)]
    right: Line = [(f"{minutes(max(0, view.now - view.start))}", TITLE), (f".{max(0, view.now - view.start) // MS % 1000:03d} ", DIM)]
    playing = view.playing
    if playing is not None:
        done = "" if playing.done is None else f" {100 * playing.done:.0f}%"
        right += [(f"{'end' if playing.over else 'paused' if playing.paused else playing.speed}{done} ", WARN if playing.paused or playing.over else ACCENT)]
    return spread(left, right, columns)


def _footer(view: ListenView, columns: int) -> Line:
    bad = f", {view.malformed} malformed" if view.malformed else ""
    left = LIVE_KEYS if view.playing is None or view.playing.speed == "live" else FILE_KEYS
    return spread([(f" {left}", DIM)], [(f"{view.frames} frames", DIM), (bad, WARN), (" ", PLAIN)], columns)


def _tier(view: ListenView, columns: int, rows: int) -> list[Line]:
    lines: list[Line] = []
    if view.tier.sees:
        lines.append(_labelled("hears", [(view.tier.sees, PLAIN)]))
    left = BLIND_LINES_BESIDE if view.readings.responses else min(BLIND_LINES, rows // 3)
    for sentence in view.tier.blind.values():
        for number, line in enumerate(_wrap(sentence, columns - NAME - 2)):
            if left > 0:
                lines.append(_labelled("cannot see" if not number else "", [(line, WARN)]))
            left -= 1
    if view.joined is not None:
        lines.append(_labelled("joining", [(printable(view.joined), PLAIN)]))
    return lines


# --- the session -----------------------------------------------------------------------------------------------------

def _session(view: ListenView, columns: int) -> list[Line]:
    s = view.session
    if s is None:
        return [_labelled("session", [("none so far", DIM)])]
    head: Line = [(f"{s.number} of {view.sessions}  ", PLAIN), (view.state.value, STATE_STYLE.get(view.state, ACCENT)), (f"  {s.reached}", ACCENT)]
    if s.protocol:
        head.append((f"  {printable(s.protocol)}", PLAIN))
    lines = [_labelled("session", head), _stations(view)]
    if view.matching.seen:
        lines += [_slac(view), *_heard(view)]
    lines.append(_ladder(view, columns))
    r = view.readings
    if r.requests or r.responses:
        lines += _values(view)
    for text in r.troubles:
        lines.append(_labelled("trouble", [(printable(text), BAD)]))
    if view.verdict:
        lines += [_labelled("ended" if not n else "", [(line, TITLE)]) for n, line in enumerate(_wrap(printable(view.verdict), columns - NAME - 2))]
    return lines


def _stations(view: ListenView) -> Line:
    s = view.session
    pieces: Line = [("car ", LABEL), (mac_text(s.car), PLAIN), ("  charger ", LABEL), (mac_text(s.charger), TITLE)]
    if view.modem:
        pieces += [("  its modem ", LABEL), (mac_text(view.modem), PLAIN)]
    if s.evseid:
        pieces += [("  EVSEID ", LABEL), (printable(id_text(s.evseid)), PLAIN)]
    return _labelled("stations", pieces)


def _slac(view: ListenView) -> Line:
    """Which message of SLAC was seen how often; a step of which one half is missing is not complete."""
    seen, pieces = view.matching.seen, []
    for name, parts in STEPS:
        counts = [seen.get(part, 0) for part in parts]
        style = GOOD if all(counts) else WARN if any(counts) else DIM
        pieces += [(f"{name} ", style), (f"{'/'.join(str(n) for n in counts)}  ", style)]
    s = view.session
    if s.nid:
        pieces += [("NID ", LABEL), (f"{s.nid.hex()}  ", PLAIN), ("NMK ", LABEL), (s.nmk.hex() if view.keys else "hidden", DIM)]
    return _labelled("SLAC", pieces)


def _heard(view: ListenView) -> list[Line]:
    """Attenuation in dB: what each charger reports, and raw what each modem hears."""
    pieces: Line = []
    for mac, average in list(view.matching.chargers.items())[:MAX_HEARD]:
        pieces += [(f"{mac_text(mac)} ", PLAIN), (f"{average:.1f} dB  " if average is not None else "no report  ", TITLE)]
    lines = [_labelled("attenuation", pieces)] if pieces else []
    pieces = []
    for mac, raw in list(view.matching.modems.items())[:MAX_HEARD]:
        measured = f"no groups in {raw.reports}" if raw.average is None else f"{raw.average:.1f} dB of {raw.reports}"
        pieces.append((f"{mac_text(mac)} {measured}  ", PLAIN))
    return lines + ([_labelled("raw", pieces)] if pieces else [])


def _ladder(view: ListenView, columns: int) -> Line:
    """The phases with their durations; the latest ones where not all fit."""
    s = view.session
    over = view.verdict != ""
    pieces: Line = []
    for phase in reversed(s.phases):
        last = phase is s.phases[-1]
        end = view.now if last and not over else phase.end
        new: Line = [(f"{phase.name} ", ACCENT if last else GOOD), (f"{max(0, end - phase.start) / S:.1f} s", TITLE if last else DIM),
                     ("" if last else " · ", DIM)]
        if width(new) + width(pieces) > columns - NAME - 3:
            pieces = [("… ", DIM), *pieces]
            break
        pieces = new + pieces
    return _labelled("phases", pieces)


def _values(view: ListenView) -> list[Line]:
    r = view.readings
    soc = "--" if r.soc is None else f"{r.soc:g} %"
    full = "" if r.full_in is None else f", full in {r.full_in / 60:.0f} min"
    energy = "" if r.energy is None else f"  {r.energy / 1000:.2f} kWh"
    lines = [
        [(" " * (NAME + 1), PLAIN), (f"{'CAR':<{COLUMN}}", TITLE), ("CHARGER", TITLE)],
        _row("now", [(f"SoC {soc}{full}", TITLE)], [(f"{_number(r.voltage, '.1f')} V  {_number(r.current, '.1f')} A  {_kilo(r.power)} kW{energy}", TITLE)]),
        _row("asks for", [(f"{_number(r.target_voltage, '.1f')} V  {_number(r.target_current, '.1f')} A", PLAIN)], []),
        _limits("limit V", r.car.voltage, r.charger.voltage, 1), _limits("limit A", r.car.current, r.charger.current, 1),
        _limits("limit kW", r.car.power, r.charger.power, 1000),
        _row("says", [(printable(r.car_error) or "--", BAD if r.car_error not in ("", "NO_ERROR") else PLAIN)], _charger_says(view)),
    ]
    found = r.limiting
    if found is not None:
        side = "nobody" if found.side is None else found.side.value.upper()
        lines.append(_labelled("limiting", [(f"{side}, {found.by}: ", ACCENT), (found.why, PLAIN)]))
    answers = r.answers
    timing = "" if not answers.count else f"last {answers.last / MS:.1f} ms, p95 {answers.quantile(95) / MS:.1f} ms, longest {answers.greatest / MS:.1f} ms; "
    lines.append(_labelled("answers", [(f"{timing}{r.requests} requests, {r.responses} answers", PLAIN)]))
    return lines


def _charger_says(view: ListenView) -> Line:
    r = view.readings
    pieces: Line = [(printable(r.charger_status) or "--", BAD if r.charger_status in TROUBLED else PLAIN)]
    if r.isolation:
        pieces += [("  isolation ", LABEL), (printable(r.isolation), GOOD if r.isolation == "Valid" else WARN)]
    if r.response:
        pieces += [("  ", PLAIN), (printable(r.response), GOOD if r.response.startswith("OK") else BAD)]
    if r.processing == "Ongoing":
        pieces.append((" Ongoing", ACCENT))
    return pieces


def _limits(label: str, car: float | None, charger: float | None, unit: int) -> Line:
    """The smaller of both is marked: it binds."""
    binding = narrower(car, charger)

    def shown(value: float | None, side: Role) -> Line:
        text = "--" if value is None else f"{value / unit:.1f}"
        return [(f"{text}{' <' if side is binding else ''}", ACCENT if side is binding else PLAIN)]
    return _row(label, shown(car, Role.CAR), shown(charger, Role.CHARGER))


def _row(label: str, car: Line, charger: Line) -> Line:
    return [(f" {label:<{NAME}}", LABEL), *fit(car, COLUMN), *charger]


def _number(value: float | None, form: str) -> str:
    return "--" if value is None else f"{value:{form}}"


def _kilo(watts: float | None) -> str:
    return "--" if watts is None else f"{watts / 1000:.1f}"


# --- pieces ----------------------------------------------------------------------------------------------------------

def _labelled(label: str, pieces: Line) -> Line:
    return [(f" {label:<{NAME}}", LABEL), *pieces]


def _event(event: Event, start: int) -> Line:
    style = BAD if event.level == "error" else WARN if event.level == "warning" else PLAIN
    return [(f" {clock(max(0, event.at - start))} ", DIM), (" ".join(printable(event.message()).split()), style)]


def _wrap(text: str, columns: int) -> list[str]:
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > max(columns, 8):
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line]

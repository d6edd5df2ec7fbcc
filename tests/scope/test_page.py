"""The page in a real browser: what it shows is the model, zoom and cursors do what they say, deltas grow it, an hour stays fluent, nothing is fetched."""
from __future__ import annotations

import random

import pytest

from tests.history import records
from tests.scope import browser
from tools.history.model import History, Lane, Mark, Phase, Series, Span
from tools.history.opening import open_history
from tools.scope.page_file import page

pytestmark = pytest.mark.real_time


@pytest.fixture(scope="module")
def charge(tmp_path_factory):
    browser.program()
    path = tmp_path_factory.mktemp("scope") / "frames.pcap"
    path.write_bytes(records.capture())
    return open_history(str(path))


def test_it_shows_the_whole_model_and_draws_it(charge, tmp_path):
    said = browser.result(page(charge), """
        await frame();
        const t = page.timeline, s = t.store, data = t.canvas.getContext("2d").getImageData(0, 0, t.canvas.width, t.canvas.height).data;
        const colours = new Set();
        for (let i = 0; i < data.length; i += 4) colours.add(data[i] << 16 | data[i + 1] << 8 | data[i + 2]);
        return { marks: s.count(), lanes: s.lanes.map((l) => [l.name, l.spans.map((x) => x.text)]), phases: s.phases.length, colours: colours.size,
                 series: s.series.map((x) => [x.name, x.n, x.at(1e9)]), title: document.getElementById("title").textContent,
                 outcome: document.getElementById("outcome").textContent, rows: document.querySelectorAll("#phases tr").length,
                 wide: document.documentElement.scrollWidth <= window.innerWidth };
    """, tmp_path)
    [history] = charge
    assert said["marks"] == len(history.marks)
    assert said["lanes"] == [[lane.name, [span.text for span in lane.spans]] for lane in history.lanes]
    assert [(name, count) for name, count, _ in said["series"]] == [(one.name, len(one.points)) for one in history.series]
    volts = next(one for one in history.series if one.name == "EVSEPresentVoltage")
    assert next(last for name, _, last in said["series"] if name == "EVSEPresentVoltage") == pytest.approx(volts.points[-1][1], rel=1e-6)
    assert said["phases"] == len(history.phases) and said["rows"] == len(history.phases) + 1
    assert said["colours"] > 30 and said["title"] == history.title and said["outcome"] == history.outcome and said["wide"]


def test_zoom_pan_cursors_keys_and_hover(charge, tmp_path):
    said = browser.result(page(charge), """
        const t = page.timeline, over = t.over, box = () => over.getBoundingClientRect();
        const point = (x, y) => ({ clientX: box().left + x, clientY: box().top + y, bubbles: true, cancelable: true, pointerId: 1, pointerType: "mouse" });
        const out = { whole: { ...t.view } };
        over.setPointerCapture = () => {};
        const at = t.painter.t(600);
        over.dispatchEvent(new WheelEvent("wheel", { ...point(600, 100), deltaY: -400 }));
        await frame();
        out.zoomed = { ...t.view }; out.held = Math.abs(t.painter.t(600) - at);
        const key = (k) => over.dispatchEvent(new KeyboardEvent("keydown", { key: k, bubbles: true, cancelable: true }));
        key("ArrowRight"); await frame(); out.panned = { ...t.view };
        key("0"); await frame(); out.again = { ...t.view };
        for (const x of [400, 700]) {
          over.dispatchEvent(new PointerEvent("pointerdown", point(x, 300)));
          over.dispatchEvent(new PointerEvent("pointerup", point(x, 300)));
        }
        await frame();
        out.cursors = { ...t.cursors }; out.expected = [t.painter.t(400), t.painter.t(700)];
        out.readout = t.readout.innerText;
        const lane = t.rows.find((r) => r.name === "car V2G"), mark = t.store.rows.get("car V2G").find((m) => m.text === "CableCheckReq");
        t.show(mark.t - 0.2, mark.t + 0.2); await frame();
        over.dispatchEvent(new PointerEvent("pointermove", point(t.painter.x(mark.t), lane.y + 8)));
        out.tip = t.tip.innerText; out.shown = !t.tip.hidden;
        key("Escape"); await frame(); out.cleared = { ...t.cursors };
        key("n"); await frame(); out.event = t.cursors.a;
        const chip = [...t.legend.children].find((c) => c.innerText.includes("EVTargetVoltage"));
        const panels = t.rows.length; t.store.series.filter((s) => s.unit === "min").forEach((s) => { s.visible = false; }); t.resize();
        out.panels = [panels, t.rows.length];
        chip.click(); out.pressed = chip.getAttribute("aria-pressed");
        key("s"); await frame(); out.setup = { ...t.view };
        return out;
    """, tmp_path)
    whole, zoomed = said["whole"], said["zoomed"]
    assert zoomed["to"] - zoomed["from"] == pytest.approx((whole["to"] - whole["from"]) * 0.4868, rel=0.01) and said["held"] < 1e-6
    assert said["panned"]["from"] > zoomed["from"] and said["again"] == whole
    assert [said["cursors"]["a"], said["cursors"]["b"]] == pytest.approx(said["expected"], abs=1.5)
    assert "B − A" in said["readout"] and "EVSEPresentVoltage" in said["readout"]
    assert said["shown"] and said["tip"].startswith("CableCheckReq") and "SoC 70 %" in said["tip"]
    assert said["cleared"] == {"a": None, "b": None} and said["event"] is not None
    assert said["panels"][1] == said["panels"][0] - 1 and said["pressed"] == "false"
    charging = charge[0].phase("CurrentDemand")
    assert said["setup"]["from"] < 0 and said["setup"]["to"] == pytest.approx(charging.begin + 3, abs=0.01)


def test_a_delta_holds_only_what_is_new_and_grows_what_is_open(tmp_path):
    browser.program()
    begin = History("live", "box", "live", duration=2.0, lanes=[Lane("car V2G", [Span(0, 2, "CableCheck")])],
                    series=[Series("EVSEPresentVoltage", "V", "charger", False, [(0, 100), (1, 200)])], marks=[Mark(0, "message", "car V2G", "CableCheckReq")],
                    phases=[Phase("CableCheck", 0, 2, 40.0, "V2G_EVCC_CableCheck_Timeout")])
    said = browser.result(page([begin]), """
        const t = page.timeline;
        t.append({ duration_s: 6, outcome: "goes on", lanes: [{ name: "car V2G", spans: [{ from: 0, to: 5, text: "CableCheck" }, { from: 5, to: 6, text: "PreCharge" }] },
                   { name: "contactors", spans: [{ from: 5.5, to: 6, text: "closed" }] }],
                   series: [{ name: "EVSEPresentVoltage", unit: "V", side: "charger", step: false, points: [[2, 300], [3, null], [4, 250]] },
                            { name: "SoC", unit: "%", side: "car", step: true, points: [[2, 50]] }],
                   marks: [{ t: 5.2, kind: "error", lane: "", text: "<b>FAILED</b>" }], phases: [{ name: "CableCheck", from: 0, to: 5, limit_s: 40, limit_name: "x", usual_s: null }] });
        await frame();
        const v = t.store.series[0];
        return { spans: t.store.lanes.map((l) => l.spans), n: v.n, values: [v.at(2.5), v.at(3.5), v.at(4.5), v.at(-1)].map((x) => x === x ? x : null),
                 units: t.rows.filter((r) => r.type === "panel").map((r) => r.unit), phases: t.store.phases, view: t.view.to > 6,
                 chips: t.legend.children.length, bold: document.querySelectorAll("#timeline b").length };
    """, tmp_path)
    assert [span["text"] for span in said["spans"][0]] == ["CableCheck", "PreCharge"] and said["spans"][0][0]["to"] == 5
    assert said["spans"][1][0]["text"] == "closed"
    assert said["n"] == 5 and said["values"] == [300, None, 250, None] and said["units"] == ["V", "%"]
    assert len(said["phases"]) == 1 and said["phases"][0]["to"] == 5 and said["view"] and said["chips"] == 4 and said["bold"] == 0


def hour(messages: int = 36_000) -> History:
    """An hour with this many messages and values that never repeat."""
    rng = random.Random(1)
    marks, volts, amps = [], [], []
    for number in range(messages):
        at = 3600 * number / messages
        car = number % 2 == 0
        marks.append(Mark(at, "message", "car V2G" if car else "charger V2G", "CurrentDemandReq" if car else "CurrentDemandRes",
                          f"SoC 50 %, U {350 + rng.random() * 50:.1f} V, I {rng.random() * 200:.1f} A"))
        volts.append((at, 350 + rng.random() * 50))
        amps.append((at, rng.random() * 200))
    return History("hour", "hour.pcap", "pcap", duration=3600.0, lanes=[Lane("car V2G", [Span(0, 3600, "CurrentDemand")]), Lane("charger V2G", [Span(0, 3600, "x")])],
                   series=[Series("EVSEPresentVoltage", "V", "charger", False, volts), Series("EVSEPresentCurrent", "A", "charger", False, amps)], marks=marks)


def test_an_hour_is_drawn_in_pixels_not_in_points(tmp_path):
    """What one drawing costs is counted in lines drawn, not in time: whoever draws every point draws 36 000."""
    browser.program()
    said = browser.result(page([hour()]), """
        const t = page.timeline, c = t.canvas.getContext("2d");
        let lines = 0, boxes = 0;
        const line = c.lineTo.bind(c), box = c.fillRect.bind(c);
        c.lineTo = (...a) => { lines += 1; line(...a); };
        c.fillRect = (...a) => { boxes += 1; box(...a); };
        t.draw();
        const v = t.store.series[0], [low, high] = v.range(0, v.n);
        return { marks: t.store.count(), lines, boxes, width: t.width, low, high, low2: Math.min(...v.v.subarray(0, v.n)), high2: Math.max(...v.v.subarray(0, v.n)) };
    """, tmp_path)
    assert said["marks"] == 36_000
    assert said["width"] < said["lines"] < 2 * 5 * said["width"] and said["boxes"] < 4 * said["width"]
    assert (said["low"], said["high"]) == (said["low2"], said["high2"])


def test_text_from_the_wire_is_never_markup(tmp_path):
    browser.program()
    evil = "</script><script>document.documentElement.dataset.ready = document.documentElement.dataset.owned = 1</script><img src=x onerror=alert(1)>"
    history = History(evil, evil, "pcap", duration=3.0, vendor=evil, car=evil, charger=evil, outcome=evil, reached=evil, damage=evil, remarks=[evil],
                      lanes=[Lane(evil, [Span(0, 3, evil, evil)])], marks=[Mark(1, "error", "", evil, evil)], phases=[Phase(evil, 0, 3, 1.0, evil)],
                      series=[Series(evil, evil, "car", True, [(0, 1.0)])])
    said = browser.result(page([history, history]), """
        page.timeline.setCursor("a", 1); await frame();
        return { owned: document.documentElement.dataset.owned || "", images: document.querySelectorAll("img").length, outcome: document.getElementById("outcome").textContent };
    """, tmp_path)
    assert said["owned"] == "" and said["images"] == 0 and said["outcome"] == evil


def test_it_fits_a_phone(charge, tmp_path):
    said = browser.result(page(charge), """
        return { page: document.documentElement.scrollWidth, window: window.innerWidth, canvas: page.timeline.over.getBoundingClientRect().right, touch: getComputedStyle(page.timeline.over).touchAction };
    """, tmp_path, size="500,900")
    assert said["page"] <= said["window"] and said["canvas"] <= said["window"] and said["touch"] == "pan-y"

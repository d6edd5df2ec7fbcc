"""The command: a page and a picture from every kind of record, damage, refusals; what is embedded is the model again."""
from __future__ import annotations

import base64
import json
import re
import zlib

import pytest

from drivers.blackbox.layout import BoxOctets
from tests.history import records
from tools.history.model import History, Mark, Series
from tools.history.opening import open_history
from tools.scope import picture
from tools.scope.__main__ import main
from tools.scope.brush import Brush, dashed
from tools.scope.packing import packed
from tools.scope.page_file import RENDERER, page, script, theme


@pytest.fixture
def capture(tmp_path):
    path = tmp_path / "frames.pcap"
    path.write_bytes(records.capture())
    return path


def embedded(text: str) -> list[dict]:
    data = re.search(r'id="data">([A-Za-z0-9+/=]+)<', text)
    assert data
    return json.loads(zlib.decompress(base64.b64decode(data[1])))


def unpacked(model: dict) -> dict:
    """What page/store.js does."""
    at, marks = 0, []
    for step, kind, lane, text, detail in zip(*(model["marks"][name] for name in ("t", "kind", "lane", "text", "detail")), strict=True):
        at += step
        mark = {"t": at / 1e4, "kind": model["kinds"][kind], "lane": model["words"][lane], "text": model["words"][text]}
        marks.append(mark | {"detail": model["words"][detail]} if detail else mark)
    series = []
    for one in model["series"]:
        at, points = 0, []
        for step, value in zip(one["t"], one["v"], strict=True):
            at += step
            points.append([at / 1e4, value])
        series.append({name: one[name] for name in ("name", "unit", "side", "step")} | {"points": points})
    return {name: value for name, value in model.items() if name not in ("words", "kinds")} | {"marks": marks, "series": series}


def test_a_page_holds_the_whole_model(capture, tmp_path, capsys):
    out = tmp_path / "page.html"
    assert main([str(capture), "-o", str(out)]) == 0
    [model] = embedded(out.read_text())
    [history] = open_history(str(capture))
    assert unpacked(model) == json.loads(json.dumps(history.json()))
    assert "1 session" in capsys.readouterr().out


def test_a_page_fetches_nothing(capture):
    text = re.sub(r'id="data">[^<]+<', "", page(open_history(str(capture))))
    assert not re.search(r"https?:|//[a-z]+\.|\bsrc=|url\(|@import|\bfetch\(|XMLHttpRequest|WebSocket|<link", text)
    assert "default-src 'none'" in text


def test_the_renderer_is_one_class_for_live_pages_too():
    text = script(RENDERER)
    assert "class Timeline" in text and "append(delta)" in text and "byId(" not in text
    assert set(theme()["dark"]) == set(theme()["light"]) and len(theme()["hues"]["dark"]) == len(theme()["hues"]["light"])


def test_an_hour_of_packed_messages_is_small():
    marks = [Mark(i / 10, "message", "car V2G", "CurrentDemandReq", f"SoC {i // 360} %, I target {i % 7} A") for i in range(36_000)]
    history = History("hour", "hour", "pcap", duration=3600.0, marks=marks, series=[Series("SoC", "%", "car", True, [(i, i / 36) for i in range(3600)])])
    assert len(page([history])) < 400_000
    assert unpacked(packed(history)) == json.loads(json.dumps(history.json()))


@pytest.mark.parametrize("scheme", ["--light", ""])
def test_a_picture_of_the_same(capture, tmp_path, scheme):
    Image = pytest.importorskip("PIL.Image")
    out = tmp_path / "charge.png"
    assert main([str(capture), "--png", str(out), *([scheme] if scheme else [])]) == 0
    assert not (tmp_path / "frames.pcap.html").exists()
    with Image.open(out) as image:
        assert image.size[0] == picture.WIDTH and image.size[1] > 600
        colours = {colour for _, colour in image.convert("RGB").getcolors(1 << 24)}
    ground = theme()["light" if scheme else "dark"]
    wanted = {tuple(int(ground[name][i:i + 2], 16) for i in (1, 3, 5)) for name in ("ground", "charger", "car", "text")}
    assert wanted <= colours


def test_a_line_of_the_picture_keeps_what_lies_within_a_pixel():
    """A spike of one point among thousands is the thing that people look for."""
    points = [(i / 100, 400.0 if i != 50_000 else 900.0) for i in range(100_000)]
    history = History("spike", "spike", "pcap", duration=1000.0, series=[Series("EVSEPresentVoltage", "V", "charger", False, points)])
    paths = picture.Picture(history, "dark")._paths(history.series[0], lambda value: value)
    assert max(y for path in paths for _, y in path) == 900.0 and sum(len(path) for path in paths) < 2 * 4 * picture.WIDTH


def test_dashes_go_around_corners():
    pieces = list(dashed([(0, 0), (10, 0), (10, 10)], 4, 3))
    assert pieces[0] == [(0, 0), (4, 0)] and pieces[1] == [(7, 0), (10, 0), (10, 1)]
    assert list(dashed([(0, 0), (0, 0)], 2, 2)) == [[(0, 0), (0, 0)]]


def test_a_damaged_file_is_drawn_up_to_the_damage(tmp_path, capsys):
    path, out = tmp_path / "cut.pcap", tmp_path / "page.html"
    path.write_bytes(records.capture()[:40_001])
    assert main([str(path), "-o", str(out), "--png", str(tmp_path / "p.png")]) == 1
    assert "everything before is shown" in capsys.readouterr().err
    [model] = embedded(out.read_text())
    assert "the file ends within" in model["damage"] and len(model["marks"]["t"]) > 100 and (tmp_path / "p.png").exists()


@pytest.mark.parametrize("make", [lambda: b"", lambda: b"nothing of the kind\n", lambda: b"\x89PNG\r\n\x1a\n" + bytes(50)])
def test_what_is_no_record_is_refused(tmp_path, capsys, make):
    path = tmp_path / "x"
    path.write_bytes(make())
    assert main([str(path)]) == 2
    assert str(path) in capsys.readouterr().err
    assert main([str(tmp_path / "absent")]) == 2


def test_sessions_are_chosen_by_number(tmp_path, capsys):
    log = records.exi_log()
    path, out = tmp_path / "PevExiLog.txt", tmp_path / "page.html"
    path.write_bytes(log + log.replace(b"2024-05-01T12:", b"2024-05-01T13:"))
    assert main([str(path), "-o", str(out)]) == 0 and len(embedded(out.read_text())) == 2
    assert main([str(path), "-o", str(out), "--session", "2"]) == 0 and embedded(out.read_text())[0]["title"].endswith("session 2")
    assert main([str(path), "--session", "3"]) == 2 and "it has 2 sessions" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_told(capture, capsys):
    assert main([str(capture), "-o", "/nonexistent/page.html"]) == 2
    assert "/nonexistent/page.html: cannot be written" in capsys.readouterr().err


def test_a_record_without_a_session_is_a_page_all_the_same(tmp_path):
    path = tmp_path / "quiet.pcap"
    path.write_bytes(records.capture()[:24])
    assert main([str(path), "-o", str(tmp_path / "q.html"), "--png", str(tmp_path / "q.png")]) == 0


def test_brush_cuts_texts_to_their_room():
    brush = Brush(100, 20, "#000000")
    assert brush.fit("CurrentDemand", 1000) == "CurrentDemand"
    cut = brush.fit("CurrentDemand", 40)
    assert cut.endswith("...") and brush.wide(cut) <= 40


def test_the_folder_of_a_session_is_drawn_from_its_black_box(tmp_path, capsys):
    where = tmp_path / "000042-20261121T031245Z-pev"
    where.mkdir()
    assert main([str(where)]) == 2
    assert "expected a black box file (.ccsbox) or frames.pcap" in capsys.readouterr().err
    (where / "frames.pcap").write_bytes(records.capture())
    assert main([str(where), "-o", str(tmp_path / "a.html")]) == 0
    box = BoxOctets(0)
    notes = [[0, 0], [3, 0, True], [0, 10**9]]
    (where / "session-car.ccsbox").write_bytes(box.begin({"channels": [], "signals": ["contactors_closed"]}, [], "eth0", "p") + box.batch(notes, (), ()) + box.end({}))
    assert main([str(where), "-o", str(tmp_path / "b.html")]) == 0
    assert capsys.readouterr().out.count("1 session, ") == 2
    [history] = open_history(str(where / "session-car.ccsbox"))
    assert [lane.name for lane in history.lanes] == ["contactors"]
    picture.draw(history, str(tmp_path / "b.png"))
    assert (tmp_path / "b.png").stat().st_size > 1000

"""The stored sheet of all screens is what the display draws; the tool says which ones are not."""
import pytest

from tasks.display.phases import Phase
from tasks.display.picture import PAGES, WIDTH
from tasks.stop_reasons import StopReason
from tools.screens import __main__ as program
from tools.screens.catalogue import BRIDGE_ONLY, catalogue
from tools.screens.sheet import _cells, sheet_of

pytest.importorskip("PIL", reason="Pillow is not installed")
SCREENS = catalogue()


def test_every_phase_and_every_reason_is_in_the_catalogue():
    names = " ".join(SCREENS)
    for phase in Phase:
        if phase not in (Phase.STOPPED, Phase.TRIPPED):
            for side in ("charger",) if phase is Phase.BY_PILOT else ("bridge",) if phase in BRIDGE_ONLY else ("car", "charger"):
                assert f"{side}-{phase.name.lower().replace('_', '-')}" in names
    for reason in StopReason:
        assert f"{reason.name.lower().replace('_', '-')}-1" in SCREENS
    assert all(len(pages) == PAGES and all(len(page) == WIDTH for page in pages) for pages in SCREENS.values())


def test_the_stored_sheet_shows_the_screens_as_they_are(tmp_path, monkeypatch, capsys):
    """After a change on purpose: look at the difference, then `python -m tools.screens --write`."""
    monkeypatch.chdir(tmp_path)
    assert program.main(["--check"]) == 0, capsys.readouterr().out
    assert program.SHEET.stat().st_size < 200_000


def test_a_changed_screen_is_named_and_shown(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    other = dict(SCREENS)
    page = bytearray(other["car-precharge"][3])
    page[60] ^= 0x10
    other["car-precharge"] = [*other["car-precharge"][:3], bytes(page), *other["car-precharge"][4:]]
    monkeypatch.setattr(program, "catalogue", lambda: other)
    assert program.main(["--check"]) == 1
    assert capsys.readouterr().out.splitlines()[1:] == ["car-precharge"]
    from PIL import Image
    with Image.open(program.DIFFERENCE) as picture:
        before, after = (list(picture.crop((0, top, 132, top + 84)).tobytes()) for top in (0, 84))
    assert sum((a ^ b).bit_count() for a, b in zip(before, after)) == 1


def test_every_screen_has_a_caption_of_its_own():
    assert len({name[:42] for name in SCREENS}) == len(SCREENS) == len(_cells(sheet_of(SCREENS)))


@pytest.mark.parametrize("place", [0, 100, -1])
def test_a_screen_more_or_less_is_noticed_and_the_others_stay_equal(place, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    less = dict(SCREENS)
    name = sorted(less)[place]
    page = less.pop(name)
    monkeypatch.setattr(program, "catalogue", lambda: less)
    assert program.main(["--check"]) == 1
    assert capsys.readouterr().out.splitlines()[1:] == ["(1 of the stored sheet are gone)"]
    monkeypatch.setattr(program, "catalogue", lambda: {**SCREENS, name + "-x": page})
    assert program.main(["--check"]) == 1
    assert capsys.readouterr().out.splitlines()[1:] == [f"{name}-x (new)"]


def test_a_sheet_is_written_and_found_equal(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(program, "SHEET", tmp_path / "new.png")
    assert program.main(["--check"]) == 3                       # there is none yet
    assert "new.png" in capsys.readouterr().err
    assert program.main(["--write"]) == 0 and program.main(["--check"]) == 0


def test_one_screen_as_text(capsys):
    assert program.main(["--text", "car-precharge"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "car-precharge" and len(lines) == 17 and {len(line) for line in lines[1:]} == {64}
    assert program.main(["--text", "page-car-*"]) == 0
    assert capsys.readouterr().out.count("page-car-") > 10
    assert program.main(["--text", "prechar"]) == 2 and "near: bridge-precharge" in capsys.readouterr().err
    assert program.main([]) == 0 and capsys.readouterr().out.splitlines() == sorted(SCREENS)

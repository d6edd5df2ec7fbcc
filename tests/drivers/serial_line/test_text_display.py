"""Three lines of text: what is sent, how seldom, and that no text is ever a command."""
import random

import pytest

from drivers.serial_line.device import Wiring
from drivers.serial_line.port import REOPEN_FIRST, TURN, SerialPort, SerialPortConfig
from drivers.serial_line.text_display import REFRESH, SerialDisplay, TextDisplay, TextDisplayConfig
from kernel.timer import MS, S
from tests.drivers.serial_line.wire import Plug, Pty

pytest.importorskip("serial", reason="pyserial is not installed")


@pytest.fixture
def pty():
    made = Pty()
    yield made
    made.unplug()


def display(pty, addressed, **settings):
    port = SerialPort(SerialPortConfig(port=pty.path), "OLED")
    return port, TextDisplay(port, TextDisplayConfig(**settings), addressed=addressed)


def written(pty, port, shown, now, until):
    """Everything that goes out, turn by turn."""
    sent = port.sent
    while now < until:
        shown.turn(now)
        port.pump(now)
        now += TURN
    return pty.read(port.sent - sent)


def test_a_display_without_addresses_gets_all_three_lines_in_order(pty):
    port, shown = display(pty, False)
    assert shown.show(("CCS", "230 V", "10 A"), 0)
    assert written(pty, port, shown, 0, S) == b"lcCCS\nlc230 V\nlc10 A\n"
    shown.show(("CCS", "231 V", "10 A"), S)
    assert written(pty, port, shown, S, 2 * S) == b"lcCCS\nlc231 V\nlc10 A\n"
    port.close()


def test_a_display_with_addresses_gets_what_changed(pty):
    port, shown = display(pty, True)
    shown.show(("CCS", "230 V", "10 A"), 0)
    assert written(pty, port, shown, 0, S) == b"disp0=CCS\ndisp1=230 V\ndisp2=10 A\n"
    shown.show(("CCS", "231 V", "10 A"), S)
    assert written(pty, port, shown, S, 2 * S) == b"disp1=231 V\n"
    port.close()


@pytest.mark.parametrize("addressed", [False, True])
def test_the_same_again_is_not_sent_until_it_is_refreshed(pty, addressed):
    port, shown = display(pty, addressed)
    shown.show(("a", "b", "c"), 0)
    first = written(pty, port, shown, 0, S)
    for _ in range(10):
        shown.show(("a", "b", "c"), S)
    assert written(pty, port, shown, S, REFRESH - S) == b""
    assert written(pty, port, shown, REFRESH, REFRESH + S) == first
    port.close()


@pytest.mark.parametrize("addressed", [False, True])
def test_however_often_it_changes_only_so_many_lines_go_and_the_last_one_arrives(pty, addressed):
    port, shown = display(pty, addressed, lines_per_second=6)
    heard = b""
    for n in range(200):
        shown.show((str(n), str(n + 1), str(n + 2)), n * TURN)
        port.pump(n * TURN)
    heard = pty.read(port.sent)
    assert heard.count(b"\n") <= 6 * 2 + 3
    heard += written(pty, port, shown, 200 * TURN, 400 * TURN)
    assert b"199\n" in heard and b"200\n" in heard and b"201\n" in heard and shown.lines_sent <= 6 * 4 + 3
    port.close()


def test_lines_are_cut_and_made_printable(pty):
    port, shown = display(pty, False, columns=10)
    shown.show(("0123456789abc", "\u00e4\n\r\x00", "\u20ac 5"), 0)
    assert written(pty, port, shown, 0, S) == b"lc0123456789\nlc????\nlc? 5\n"
    port.close()


@pytest.mark.parametrize("seed", range(5))
def test_no_text_is_a_command(pty, seed):
    """Dieter hears the same wire; whether it looks for `do` at the beginning of a line only, nobody wrote down."""
    rng = random.Random(seed)
    port, shown = display(pty, bool(seed % 2), lines_per_second=30)
    heard = b""
    for n in range(300):
        shown.show(tuple("".join(rng.choice("do03 \n\r=cp1x") for _ in range(rng.randrange(20))) for _ in range(3)), n * 100 * MS)
        port.pump(n * 100 * MS)
        heard += pty.read()
    assert len(heard) > 1000
    for line in heard.split(b"\n")[:-1]:
        assert line.startswith((b"lc", b"disp")) and not any(b"do%d" % n in line for n in range(10)) and b"do " not in line and b"\r" not in line
    port.close()


def test_a_queue_without_room_is_tried_again(pty):
    port, shown = display(pty, False)
    while port.text(b"x\n"):
        continue
    assert not shown.show(("a", "b", "c"), 0) and shown.errors == 1
    assert written(pty, port, shown, 0, S).endswith(b"lca\nlcb\nlcc\n")
    port.close()


def test_a_display_of_its_own_comes_back_with_all_its_lines():
    pty, plug = Pty(), Plug()
    plug.path = pty.path
    shown = SerialDisplay(TextDisplayConfig(), 0, Wiring(finder=plug.finder()))
    assert shown.name == f"text display at {pty.path}" and (shown.fault, shown.remedy, shown.errors) == ("", "", 0)
    assert shown.show(("a", "b", "c"), 0) and 0 < shown.run(0) <= S
    assert pty.read_until(b"lcc\n") == b"lca\nlcb\nlcc\n"
    pty.unplug()
    shown.run(TURN)
    assert shown.fault == "OLED: unplugged" and shown.remedy and not shown.show(("d", "b", "c"), TURN)
    pty = Pty()
    plug.path = pty.path
    shown.run(2 * TURN + REOPEN_FIRST)
    shown.run(2 * TURN + 2 * REOPEN_FIRST)
    assert shown.fault == "" and pty.read_until(b"lcc\n") == b"lcd\nlcb\nlcc\n"
    shown.close()
    pty.unplug()

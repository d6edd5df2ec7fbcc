"""HTTP answers cut at every place and damaged in every way: a status or one sentence, bounded, nothing raised."""
import random

import pytest

from drivers.http_post.answer import BODY, CHUNKS, HEAD, LINE, Answer

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes"
CHUNKED = b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nwiki\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n"
GOOD = {
    "length": (PLAIN, 200), "chunked": (CHUNKED, 201), "no body": (b"HTTP/1.1 204 No Content\r\n\r\n", 204), "empty": (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", 200),
    "bare line ends": (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", 200), "no reason": (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 200),
    "interim": (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + PLAIN, 200),
    "refused": (b"HTTP/1.1 500 Oh\r\ncontent-length:1\r\n\r\nx", 500),
    "no fields": (b"HTTP/1.1 304 x\r\n\r\n", 304),
    "odd fields": (b"HTTP/1.1 200 OK\r\n:\r\nno colon\r\n\xff\xfe: \xff\r\nContent-Length: 0\r\n\r\n", 200),
}
BAD = {
    "ssh": (b"SSH-2.0-OpenSSH_9.2\r\n", "status line"), "mqtt": (b"\x20\x02\x00\x00", "status line"), "HTTP/2": (b"HTTP/2 200\r\n\r\n", "status line"),
    "no number": (b"HTTP/1.1 OK\r\n\r\n", "status line"), "too large a number": (b"HTTP/1.1 999 x\r\n\r\n", "status line"), "NUL": (b"\0" * 9, "status line"),
    "long status line": (b"HTTP/1.1 200 " + b"x" * LINE, "status line"), "long whole status line": (b"HTTP/1.1 200 " + b"x" * LINE + b"\r\n\r\n", "status line"),
    "endless head": (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * HEAD, "more than"), "endless interim": (b"HTTP/1.1 100 x\r\n\r\n" * HEAD, "more than"),
}


def read(data, step=None):
    answer = Answer()
    for at in range(0, len(data), step or len(data) or 1):
        answer.receive(data[at:at + (step or len(data))])
    return answer


@pytest.mark.parametrize("step", [None, 1, 2, 3, 7])
@pytest.mark.parametrize("name", GOOD)
def test_good_answers_however_they_are_cut(name, step):
    data, status = GOOD[name]
    answer = read(data, step)
    assert (answer.done, answer.status, answer.problem, answer.cut) == (True, status, "", False)


@pytest.mark.parametrize("step", [None, 1, 3])
@pytest.mark.parametrize("name", BAD)
def test_bad_ones(name, step):
    data, why = BAD[name]
    answer = read(data, step)
    assert answer.done and why in answer.problem and len(answer.problem) < 400 and answer.problem.isprintable()


def test_cut_off_anywhere():
    for data, status in GOOD.values():
        for size in range(len(data)):
            answer = read(data[:size])
            was_done = answer.done
            answer.ended()
            assert answer.done and bool(answer.problem) != bool(answer.status)
            assert answer.status in (0, status) and (was_done or answer.problem or answer.cut), data[:size]


def test_a_body_until_the_end_is_one_too():
    answer = read(b"HTTP/1.0 200 OK\r\n\r\nwhatever")
    assert not answer.done
    answer.ended()
    assert (answer.done, answer.status, answer.cut) == (True, 200, False)


@pytest.mark.parametrize("data", [
    b"HTTP/1.1 200 OK\r\n\r\n" + bytes(BODY + 1), b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n" + bytes(BODY + 1),
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * (CHUNKS + 1), b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n" + bytes(BODY + 1),
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * (LINE + 1),
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"0" * 9 + b"\r\n",
])
@pytest.mark.parametrize("step", [None, 1000, 1])
def test_a_body_that_is_endless_or_damaged_changes_nothing(data, step):
    answer = read(data, step)
    assert (answer.done, answer.status, answer.problem, answer.cut) == (True, 200, "", True)
    answer.receive(b"more")
    answer.ended()
    assert answer.status == 200


def test_a_redirect_names_its_place_harmlessly():
    assert read(b"HTTP/1.1 301 x\r\nLocation: http://a/b\x1b[31m\xff" + b"z" * 500 + b"\r\nContent-Length: 0\r\n\r\n").location.startswith("http://a/b?[31m?zzz")


def test_mutated_answers():
    rng = random.Random(5)
    seeds = [data for data, _ in GOOD.values()] + [data[:200] for data, _ in BAD.values()]
    for _ in range(20_000):
        data = bytearray(rng.choice(seeds))
        for _ in range(rng.randint(1, 6)):
            at = rng.randrange(len(data)) if data else 0
            data[at:at + rng.randint(0, 3)] = rng.choice([b"", b"\r\n", b"\n", b"\xff", b":", b"0", bytes([rng.randrange(256)])])
        answer = read(bytes(data), rng.choice([None, 1, 5]))
        answer.ended()
        assert answer.done and bool(answer.problem) != bool(answer.status) and (not answer.status or 101 <= answer.status <= 599)

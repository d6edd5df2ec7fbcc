"""From the command line's words to messages: hexadecimal text, a file, or lines of a pipe as they come."""
from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Callable, Iterator

from tools.exi.joining import Joining
from tools.exi.octets import CAPTURE_MAGIC, MAX_LINE, Found, NotOctets, begins, binary, only_octets, pasted

#: A binary file of messages; larger ones are captures or something else.
MAX_FILE = 16 << 20
_HEAD = 64
MAX_NAME = 256
STDIN = "-"


class BadInput(Exception):
    """The command line names something that cannot be read; the sentence says what to do."""


class Inputs:
    """Goes through the inputs of one command. `lines` counts the lines that were read."""

    def __init__(self, words: list[str], stdin: BinaryIO, complete: Callable[[Found], bool]) -> None:
        """`complete`: does this message decode as it is?"""
        self._complete = complete
        self._words = words
        self._stdin = stdin
        self.lines = 0

    def messages(self) -> Iterator[Found]:
        """Every message, in order; raises BadInput."""
        if not self._words or self._words == [STDIN]:
            yield from self._stream(self._stdin, "")
            return
        files = [_file(word) for word in self._words]
        if not any(files):
            yield from self._text(" ".join(self._words))
            return
        for word, path in zip(self._words, files):
            if path is None:
                yield from self._stream(self._stdin, "") if word == STDIN else self._text(word)
                continue
            try:
                with open(path, "rb") as file:
                    yield from self._stream(file, f"{word}: " if len(self._words) > 1 else "")
            except OSError as trouble:
                raise BadInput(f"{word}: cannot be read: {trouble.strerror or trouble}") from None

    def _stream(self, file: BinaryIO, label: str) -> Iterator[Found]:
        first = file.readline(MAX_LINE)
        head = first[:_HEAD]
        if head.startswith(CAPTURE_MAGIC):
            raise BadInput(f"{label}this is a capture file; its messages are shown by: python -m tools.decode FILE")
        if begins(head):
            data = first + file.read(MAX_FILE)
            if len(data) > MAX_FILE:
                raise BadInput(f"{label}binary input of more than {MAX_FILE} octets")
            yield from _numbered(binary(data), f"{label}message")
            return
        joining = Joining(self._complete)
        line = first.decode("utf-8", "replace")
        number = 0
        while line:
            number += 1
            self.lines += 1
            yield from joining.feed(line, f"{label}line {number}")
            line = file.readline(MAX_LINE).decode("utf-8", "replace")
        yield from joining.end()

    def _text(self, text: str) -> Iterator[Found]:
        if "\n" in text and not only_octets(text):
            yield from self._stream(BytesIO(text.encode("utf-8", "replace")), "")
            return
        try:
            yield from _numbered(pasted(text), "message")
        except NotOctets as problem:
            raise BadInput(f"{text[:60]!r} is neither a file nor hexadecimal octets: {problem}") from None


def _file(word: str) -> Path | None:
    """The file of that name; None for what is octets or standard input. A name with a slash or a dot is meant as a file."""
    if word == STDIN:
        return None
    try:
        path = Path(word)
        if path.is_dir():
            raise BadInput(f"{word} is a folder; name a file")
        if path.exists():
            return path
    except (OSError, ValueError):            # too long for a name, or with a NUL: it is text
        return None
    if len(word) < MAX_NAME and ("/" in word or "." in word) and "\\x" not in word and "\n" not in word:
        raise BadInput(f"there is no file {word}")
    return None


def _numbered(found: list[Found], label: str) -> list[Found]:
    if len(found) > 1:
        for number, one in enumerate(found, 1):
            one.where = f"{label} {number}"
    return found

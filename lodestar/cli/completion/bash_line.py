"""A line of bash up to the cursor: its words, and how the last one may go on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

_QUOTES = "\"'"
_ESCAPED_IN_DOUBLE = '$`"\\'
_PLAIN = frozenset("_./:=@%+,-")


@dataclass
class Word:
    """What was typed so far; readline replaces the part of `text` from `start` on."""

    text: str = ""
    start: int = 0
    quote: str = ""
    closed: bool = False
    begun: bool = False


@dataclass(frozen=True)
class Line:
    """The words before the cursor's, and the cursor's own."""

    before: tuple[str, ...]
    last: Word


def parse(line: str, breaks: str = "") -> Line:
    """The words of a line, without quotes; `breaks` are readline's ends of words."""
    words: list[str] = []
    word = Word()
    marks = iter(line)
    for mark in marks:
        if word.quote:
            _quoted(word, mark, marks)
        elif mark.isspace():
            if word.begun:
                words.append(word.text)
            word = Word()
        else:
            word.begun = True
            _bare(word, mark, marks, breaks)
    return Line(tuple(words), word)


def _quoted(word: Word, mark: str, marks: Iterator[str]) -> None:
    if mark == word.quote:
        word.quote, word.closed = "", True
    elif mark == "\\" and word.quote == '"':
        following = next(marks, "")
        word.text += following if following in _ESCAPED_IN_DOUBLE else mark + following
    else:
        word.text += mark


def _bare(word: Word, mark: str, marks: Iterator[str], breaks: str) -> None:
    if mark in _QUOTES:
        word.quote, word.start = mark, len(word.text)
        return
    word.text += next(marks, "") if mark == "\\" else mark
    if mark in breaks and mark != "\\":
        word.start = len(word.text)


def reply(word: Word, value: str) -> str | None:
    """What readline is to put in place of the word for this value; None where it cannot stand."""
    if word.closed or not value.startswith(word.text[: word.start]):
        return None
    rest = value[word.start :]
    if word.quote == "'":
        return None if "'" in rest else rest
    if word.quote:
        # There is no way to write it there that history expansion and bash both leave alone.
        return None if "!" in rest else "".join(_in_double(mark) for mark in rest)
    return "".join(mark if mark.isalnum() or mark in _PLAIN else f"\\{mark}" for mark in rest)


def _in_double(mark: str) -> str:
    return f"\\{mark}" if mark in _ESCAPED_IN_DOUBLE else mark

"""The head of a message, as it is written to a connection."""

from __future__ import annotations

from collections.abc import Mapping


def head(first: str, headers: Mapping[str, str]) -> bytes:
    """The first line, the headers and the empty line after them.

    Raises ValueError where one holds a line break: a key with one in it, say, would be a second
    header.
    """
    lines = [first, *(f"{name}: {value}" for name, value in headers.items())]
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("a header holds a line break")
    return "\r\n".join([*lines, "\r\n"]).encode("utf-8")

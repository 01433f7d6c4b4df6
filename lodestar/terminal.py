"""What may be printed to a terminal, and whether anybody is there to answer."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping

# CSI and OSC sequences whole, then every control character but newline and tab, the marks
# that make text read in another order than it is stored, and letters that nobody sees.
_SEQUENCES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?")
_CONTROLS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069"
    r"\ufff9-\ufffb\U000e0000-\U000e007f]"
)


def printable(text: str) -> str:
    """The text without anything that could steer a terminal; newlines and tabs stay.

    Half of a character, as in a file name that is no UTF-8, becomes a question mark.
    """
    text = text.encode("utf-8", "replace").decode("utf-8")
    return _CONTROLS.sub("", _SEQUENCES.sub("", text.replace("\r\n", "\n")))


def one_line(text: str, width: int | None = None) -> str:
    """Printable text on one line, cut to `width` characters."""
    line = " ".join(printable(text).split())
    return line if width is None or len(line) <= width else line[: max(0, width - 3)] + "..."


def interactive(environ: Mapping[str, str]) -> bool:
    """Whether a question may be asked: a terminal, no CI, not LODESTAR_NO_INPUT."""
    if environ.get("LODESTAR_NO_INPUT", "0") not in ("", "0") or environ.get("CI"):
        return False
    # A closed stream is None.
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def visible(text: str) -> str:
    """The text with everything that could steer a terminal written out, such as `\\x1b`."""
    return "".join(
        mark if mark.isprintable() else mark.encode("unicode_escape").decode("ascii")
        for mark in text
    )

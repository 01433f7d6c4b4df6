"""Asking once what a repository may set, before anything of a session is started."""

from __future__ import annotations

import os
import sys
import termios
from collections.abc import Iterable, Sequence
from contextlib import suppress

from lodestar.errors import LodestarError
from lodestar.loading import Context
from lodestar.terminal import interactive
from lodestar.trust.line import Line
from lodestar.trust.pins import Decision, Pins

NAMED = 3
QUESTION = "Trust the lines marked +? Type y and Enter; Enter alone ignores them: "


def settle(context: Context) -> bool:
    """Ask, tell or keep quiet; True where the configuration has to be read again.

    Raises KeyboardInterrupt where the user leaves instead of answering.
    """
    if not context.standing.undecided:
        return False
    asking = interactive(os.environ)
    if asking and any(line.counts for line in context.lines):
        _show(context)
        trusted = ask(QUESTION)
        decide(context, "trusted" if trusted else "ignored")
        return True
    # The project file's own lines are among the configuration's warnings.
    own = context.standing.project_file
    lines = [line for line in context.lines if line.file != own]
    if lines:
        sys.stderr.write(f"{_in_one_line(lines)}\n")
    if asking:
        # There was nothing to ask: the next start need not look again.
        with suppress(LodestarError):
            decide(context, "harmless")
    return False


def decide(context: Context, decision: Decision) -> None:
    """Pin what was shown, byte for byte. Raises LodestarError where that cannot be kept."""
    reads = [line.read for line in context.lines if line.read is not None]
    try:
        Pins(context.home).decide(context.standing, decision, shown(context.lines), reads)
    except OSError as error:
        raise LodestarError(
            "your decision about this repository cannot be kept",
            str(error.strerror or error),
            f"check the free space and the permissions of {context.home.root}",
        ) from error


def described(line: Line) -> str:
    """What the line would do, and where it never does."""
    return line.effect if line.counts else f"{line.effect} (never applied)"


def shown(lines: Iterable[Line]) -> list[str]:
    """The lines as a pin keeps them; a line that only moved is the same line."""
    return [f"{'+' if line.counts else '-'} {line.file}: {line.text}" for line in lines]


def ask(question: str) -> bool:
    """Whether the user says yes; what was typed before the question does not count."""
    with suppress(termios.error, OSError):
        termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)
    sys.stderr.write(question)
    sys.stderr.flush()
    answer = sys.stdin.readline()
    if not answer.endswith("\n"):
        sys.stderr.write("\n")
    return answer.strip().lower() in ("y", "yes")


def _show(context: Context) -> None:
    changed = " It has changed since you decided." if context.standing.changed else ""
    sys.stderr.write(f"This repository wants to set:{changed}\n")
    width = max(len(line.where) for line in context.lines)
    for line in context.lines:
        mark = "+" if line.counts else "-"
        sys.stderr.write(f" {mark} {line.where:{width}}  {line.text}\n")
        sys.stderr.write(f"   {'':{width}}  {described(line)}\n")


def _in_one_line(lines: Sequence[Line]) -> str:
    # What the user could trust is at the end, and is what they may want to know of.
    named = [f"{line.where} {line.text.split(':')[0].split('=')[0]}".strip() for line in lines]
    first = ", ".join(named[::-1][:NAMED])
    more = f" and {len(lines) - NAMED} more" if len(lines) > NAMED else ""
    return f"warning: not trusted, so ignored: {first}{more}; to see them: lodestar trust"

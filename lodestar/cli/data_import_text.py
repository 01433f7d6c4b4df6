"""What is said of files that are taken in."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lodestar.cli.output import note, print_table
from lodestar.money import plain_dollars

if TYPE_CHECKING:
    from lodestar.imports.lines import Reading
    from lodestar.imports.taking import Found, Taking
    from lodestar.redaction import Redactor
    from lodestar.settings import Settings

DAY_MS = 86_400_000
NAMED = 5
"""Lines that are named of those that were not understood."""
Line = tuple[str, str]


def redactor() -> Redactor:
    """What takes secrets out of the texts of a file."""
    from lodestar.known_secrets import environment_secrets
    from lodestar.redaction import Redactor as New

    return New(environment_secrets(os.environ))


def say_found(
    file: Path, reading: Reading, found: Found, settings: Settings, root: Path | None
) -> None:
    """The table of what is in a file, and what of it is new."""
    print_table(("what", "value"), _rows(file, reading, found, settings.timezone, root))
    old = _old(found, settings)
    if old:
        note(old)


def say_odd(reading: Reading) -> None:
    """Which lines were not understood."""
    for line, why in reading.examples[:NAMED]:
        note(f"line {line}: not understood: {why}")
    more = reading.not_understood - min(NAMED, len(reading.examples))
    if more > 0:
        note(f"{more} more lines were not understood")


def say_taken(taking: Taking) -> None:
    """What was put in, and how to undo it."""
    if taking.exchanges:
        count = f"{taking.exchanges} exchange{'' if taking.exchanges == 1 else 's'}"
        note(f"{count} taken in; undo: lodestar data import --undo {taking.id[-8:]}")
    elif taking.rows:
        note(f"{taking.rows} rows came to exchanges that were known")
    else:
        note("nothing is new")
    for why, left in taking.left.items():
        note(f"{left} left out: {why}")


def as_data(file: Path, reading: Reading, found: Found, root: Path | None) -> dict[str, Any]:
    """The same for programs. Amounts are nano-dollars."""
    odd = [{"line": line, "why": why} for line, why in reading.examples]
    return {
        "file": str(file),
        "project": str(root) if root else None,
        "lines": reading.lines,
        "sessions": reading.sessions,
        "messages": reading.messages,
        "not_understood": reading.not_understood,
        "not_understood_lines": odd,
        "new": found.new,
        "passed_over": dict(found.passed),
        "first_ms": found.first_ms,
        "last_ms": found.last_ms,
        "input_tokens": found.input,
        "output_tokens": found.output,
        "cash_nano": found.cash_nano,
        "unpriced": found.unpriced,
    }


def _rows(
    file: Path, reading: Reading, found: Found, zone: str | None, root: Path | None
) -> list[Line]:
    from lodestar.clock import local_text

    rows = [("file", str(file)), *([("project", str(root))] if root else [])]
    rows += [
        ("lines read", str(reading.lines)),
        ("lines not understood", str(reading.not_understood)),
    ]
    rows += [("exchanges in it", str(reading.messages)), ("new", str(found.new))]
    rows += [(why, str(passed)) for why, passed in sorted(found.passed.items())]
    if found.first_ms is None or found.last_ms is None:
        return rows
    span = " to ".join(local_text(ms, zone) for ms in (found.first_ms, found.last_ms))
    rows += [("sessions of these", str(len(found.sessions))), ("time of these", span)]
    rows += [("tokens in", f"{found.input:,}"), ("tokens out", f"{found.output:,}")]
    rows += [("cost", f"${plain_dollars(found.cash_nano)}")]
    return [*rows, *([("without a price", str(found.unpriced))] if found.unpriced else [])]


def _old(found: Found, settings: Settings) -> str | None:
    """What is past its time goes soon; the sums are what an import is for."""
    from lodestar.clock import now_ms

    days = settings.retention.rows_days
    if found.first_ms is None or found.first_ms >= now_ms() - days * DAY_MS:
        return None
    return f"what is older than {days} days goes with the next daily purge; its sums stay"

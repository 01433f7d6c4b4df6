"""What `lodestar trust` prints."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from lodestar.cli.output import note, print_json, print_table
from lodestar.loading import Context
from lodestar.project import find_project
from lodestar.trust.pins import Pin, Pins
from lodestar.trust.question import described, shown


def print_lines(context: Context, json: bool) -> None:
    """The lines that matter; nothing where there are none."""
    if json:
        data = [
            {
                "file": line.file,
                "line": line.number or None,
                "text": line.text,
                "effect": line.effect,
                "counts_when_trusted": line.counts,
            }
            for line in context.lines
        ]
        print_json("trust", data, **_state(context))
    elif context.lines:
        rows = [
            ("+" if line.counts else "-", line.where, line.text, described(line))
            for line in context.lines
        ]
        print_table(("", "where", "line", "what it would do"), rows)


def print_diff(context: Context, json: bool) -> None:
    """The lines that are new or gone since the decision."""
    pin = context.standing.pin
    now, before = shown(context.lines), list(pin.lines) if pin else []
    rows = [("was", line) for line in before if line not in now]
    rows += [("now", line) for line in now if line not in before]
    files = _changed_files(context, pin)
    if json:
        data = [{"when": when, "line": line} for when, line in rows]
        print_json("trust-diff", data, files=files, **_state(context))
        return
    if rows:
        print_table(("", "line"), rows)
    if pin is None:
        note("nothing was decided about this repository yet")
    elif not context.standing.changed:
        note(f"{pin.decision}, and unchanged since")
    elif not rows:
        note(f"changed, but no line that matters: {', '.join(files)}")


def print_list(context: Context, json: bool) -> None:
    """Every project that was trusted or ignored, and whether its files are still the same."""
    keys = ("project", "decision", "files", "decided_at")
    rows = list(_rows(context))
    if json:
        print_json("trust-list", [dict(zip(keys, row, strict=True)) for row in rows])
    else:
        print_table(keys, rows)


def _state(context: Context) -> dict[str, Any]:
    standing = context.standing
    state = "changed" if standing.changed else standing.decision or "undecided"
    return {"project": str(standing.project.root), "state": state}


def _changed_files(context: Context, pin: Pin | None) -> list[str]:
    now = {name: file.mark for name, file in context.standing.files.items()}
    before = dict(pin.files) if pin else {}
    return sorted(name for name in {*now, *before} if now.get(name) != before.get(name))


def _rows(context: Context) -> Iterator[tuple[str, str, str, str]]:
    pins = Pins(context.home)
    for pin in pins:
        if pin.decision == "harmless":
            continue
        root = Path(pin.root)
        standing = pins.standing(find_project(root)) if root.is_dir() else None
        files = "gone" if standing is None else "changed" if standing.changed else "unchanged"
        yield pin.root, pin.decision, files, _date(pin.at_ms, context)


def _date(at_ms: int, context: Context) -> str:
    zone = context.settings.timezone
    moment = datetime.fromtimestamp(at_ms / 1000, ZoneInfo(zone) if zone else timezone.utc)
    return moment.isoformat(timespec="seconds")

"""How the state of the database is put into words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lodestar.cli.output import size_text
from lodestar.clock import local_text
from lodestar.store.lost import Lost

Line = tuple[str, str]
NAMED = 10
"""Exchanges named of those that a restore could not bring back; the last ones."""


def status_rows(
    found: Mapping[str, Any], keep: Mapping[str, int], zone: str | None
) -> Iterator[Line]:
    """Lines for a table; what is not known is left out."""
    yield "database", found["database"]
    problem = found["problem"]
    if problem:
        yield "not usable", f"{problem['what']}: {problem['why']}"
        yield "to do", problem["do"]
    else:
        yield "usable", "yes" if "rows" in found else "there is none yet; a session makes it"
    yield "size", size_text(found["bytes"]) + _free(found)
    if found.get("oldest_ms"):
        ages = (local_text(found[name], zone) for name in ("oldest_ms", "newest_ms"))
        yield "exchanges", " to ".join(ages)
    for name, count in found.get("rows", {}).items():
        if count:
            yield f"rows of {name}", str(count)
    yield from _beside(found, zone)
    yield (
        "kept",
        f"rows {keep['rows_days']} days, texts {keep['text_days']} days, {keep['backups']} backups",
    )


def lost_lines(lost: Sequence[Lost], zone: str | None) -> Iterator[str]:
    """What a restore could not bring back; of what was free the journal knows nothing."""
    if not lost:
        return
    one = len(lost) == 1
    count = "1 exchange is" if one else f"{len(lost)} exchanges are"
    cost = "what it cost is counted" if one else "what they cost is counted"
    yield f"{count} in the log no more, as far as can be known; {cost}"
    if len(lost) > NAMED:
        yield f"    from {local_text(lost[0].at_ms, zone)} on; the last {NAMED}:"
    for exchange in lost[-NAMED:]:
        yield f"    {local_text(exchange.at_ms, zone)}  {exchange.alias}  {exchange.id}"


def _free(found: Mapping[str, Any]) -> str:
    free = found.get("free_bytes") or 0
    return f", {size_text(free)} of it free for new rows" if free > 100_000 else ""


def _beside(found: Mapping[str, Any], zone: str | None) -> Iterator[Line]:
    witness = found["witness"]
    yield "witness", "there is none yet" if witness is None else _witness(found, witness)
    origin = found.get("origin")
    if origin:
        source = f" from {origin['from']}" if origin.get("from") else ""
        yield "origin", f"{origin['action']}{source}, {local_text(origin['at_ms'], zone)}"
    files: Sequence[Mapping[str, Any]] = found["backups"]
    newest = f"{_file(files[0], zone)} ({len(files)} in all)" if files else "none yet"
    yield "last backup", newest
    for name, label in (("stand_ins", "not in it"), ("aside", "moved aside")):
        for file in found[name]:
            yield label, _file(file, zone)


def _witness(found: Mapping[str, Any], witness: Mapping[str, Any]) -> str:
    seen, now = witness["sequence"], found.get("sequence")
    return f"seen at change {seen}" + (f", now at {now}" if now is not None else "")


def _file(file: Mapping[str, Any], zone: str | None) -> str:
    moment = file["modified_ms"]
    return f"{file['path']}, {local_text(moment, zone)}" if moment else str(file["path"])

"""One exchange as text to read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from lodestar.clock import local_text

RULE = "-" * 60


def exchange_text(exchange: dict[str, Any], zone: str | None) -> str:
    """All of an exchange, section by section."""
    return "\n".join(_lines(exchange, zone))


def _lines(exchange: dict[str, Any], zone: str | None) -> Iterator[str]:
    yield from _facts(exchange, zone)
    for title in ("prompt", "answer"):
        for message in exchange[title]:
            yield f"\n{RULE}\n{title}: {message['role']}"
            text = message["text"]
            yield text if text is not None else f"(not kept, {message['bytes']} bytes)"
    yield ""
    for attempt in exchange["attempts"]:
        yield _attempt(attempt)
    for signal in exchange["signals"]:
        yield f"signal   {signal['type']} {_data(signal['data'])}"
    for rating in exchange["ratings"]:
        yield _rating(rating)


def _facts(exchange: dict[str, Any], zone: str | None) -> Iterator[str]:
    served = exchange["served_alias"] or "nobody"
    tokens = f"{_known(exchange['input_tokens'])} in, {_known(exchange['output_tokens'])} out"
    source = f" ({exchange['usage_source']})" if exchange["usage_source"] else ""
    project = f", project {exchange['project']}" if exchange["project"] else ""
    yield f"exchange {exchange['id']}"
    yield f"when     {local_text(exchange['started_ms'], zone)}{project}"
    yield f"asked    {exchange['requested_alias']}, {exchange['kind']}"
    yield f"answered {served} ({exchange['route_reason'] or 'no reason given'})"
    yield f"status   {_status(exchange)}"
    yield f"tokens   {tokens}{source}"
    if exchange["kept"] is not None:
        yield f"kept     {exchange['kept']}% of its lines"
    yield f"time     {_ms(exchange['duration_ms'])}, first byte {_ms(exchange['ttft_ms'])}"


def _status(row: dict[str, Any]) -> str:
    return f"{row['status']}: {row['error']}" if row["error"] else str(row["status"])


def _attempt(row: dict[str, Any]) -> str:
    where = f"{row['alias']} ({row['provider']}, {row['model']}, {row['billing']})"
    why = f" ({row['reason']})" if row["reason"] else ""
    return f"attempt  {row['number']} {where}: {_status(row)}, {_ms(row['duration_ms'])}{why}"


def _rating(row: dict[str, Any]) -> str:
    parts = [row["verdict"], row["reason"], row["comment"], "undone" if row["undone_ms"] else None]
    return f"rating   {', '.join(part for part in parts if part)} ({row['source']})"


def _data(text: str) -> str:
    return ", ".join(f"{key} {_value(value)}" for key, value in json.loads(text).items())


def _value(value: Any) -> str:
    """A list or a table within a signal, as on one line of text."""
    if isinstance(value, dict):
        return f"({', '.join(f'{key} {_value(part)}' for key, part in value.items())})"
    if isinstance(value, list):
        return f"({', '.join(_value(part) for part in value)})"
    return str(value)


def _known(number: int | None) -> str:
    return "unknown" if number is None else str(number)


def _ms(duration: int | None) -> str:
    return "unknown" if duration is None else f"{duration / 1000:.1f} s"

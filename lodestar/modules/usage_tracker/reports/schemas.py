"""`python -m lodestar.modules.usage_tracker.reports.schemas [--check]`: the JSON Schemas of what
the reports print with --json, written from their columns to docs/reference/schemas."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lodestar.modules.usage_tracker.reports import by_model, by_project, comparing, invoice
from lodestar.modules.usage_tracker.reports import paid_calls as paid
from lodestar.modules.usage_tracker.reports.sheet import Column, Kind
from lodestar.modules.usage_tracker.reports.usage import BY
from lodestar.modules.usage_tracker.reports.usage_sheet import FIGURES, TITLES

FOLDER = Path(__file__).parents[4] / "docs" / "reference" / "schemas"
DRAFT = "https://json-schema.org/draft/2020-12/schema"
USD = {"type": "string", "pattern": r"^-?\d+\.\d{2,9}$"}
"""An exact amount of US dollars; a number would lose its last digits."""
_SHARE = {"type": ["number", "null"]}
_DAY = {"type": "string", "format": "date"}
_PLAIN: Mapping[Kind, Mapping[str, Any]] = {
    # A tier is a number among the keys.
    "text": {"type": ["string", "integer", "null"]},
    "count": {"type": ["integer", "null"]},
    "tokens": {"type": ["integer", "null"]},
    "share": {"type": ["number", "null"]},
    "seconds": {"type": ["number", "null"]},
    "usd": {**USD, "type": ["string", "null"]},
}
_VERDICT = {
    "type": "object",
    "properties": {"better": {"type": ["string", "null"]}, "chance": _SHARE},
    "required": ["better", "chance"],
    "additionalProperties": False,
}
_PURGED = {
    "type": "object",
    "properties": {"calls": {"type": "integer"}, "cash_usd": USD},
    "required": ["calls", "cash_usd"],
    "additionalProperties": False,
}
_BILL: Mapping[str, Any] = {
    "provider": {"type": "string"},
    **dict.fromkeys(("invoice_usd", "ledger_usd", "difference_usd", "utc_usd", "held_usd"), USD),
    "difference_share": _SHARE,
    "within_share": {"type": "number"},
    "agrees": {"type": "boolean"},
}


def schemas() -> dict[str, dict[str, Any]]:
    """Each schema by the name of its report, such as `usage.why`."""
    keys = [Column(name, TITLES[name]) for name in BY]
    of_models = [column for column in keys if column.name in by_model.BY]
    of_projects = [column for column in keys if column.name in ("project", "tag")]
    made = (
        _schema("usage", (*keys, *FIGURES), {}),
        _schema("usage.why", paid.COLUMNS, {"purged": _PURGED}),
        _schema("usage.reasons", paid.REASONS, {"purged": _PURGED}),
        _schema("usage.models", (*of_models, *by_model.COLUMNS), {}),
        _schema("usage.projects", (*of_projects, by_project.SHARE, *FIGURES), {}),
        _schema("usage.compare", comparing.ALL, {"kept": _VERDICT, "rated": _VERDICT}),
        _schema("usage.reconcile", invoice.COLUMNS, _BILL),
    )
    return {str(one["title"]): one for one in made}


def main(arguments: Sequence[str]) -> int:
    """Write the files; with --check only compare, and return 1 where one differs."""
    found = {FOLDER / f"{name}.json": _text(one) for name, one in schemas().items()}
    if "--check" in arguments:
        return int(
            any(
                not file.is_file() or file.read_text("utf-8") != text
                for file, text in found.items()
            )
        )
    FOLDER.mkdir(parents=True, exist_ok=True)
    for file, text in found.items():
        file.write_text(text, "utf-8")
    return 0


def _text(one: Mapping[str, Any]) -> str:
    return json.dumps(one, indent=2) + "\n"


def _schema(name: str, columns: Sequence[Column], facts: Mapping[str, Any]) -> dict[str, Any]:
    """The envelope of a report; `--fields` may leave out any column, so none is required."""
    row = {
        "type": "object",
        "properties": {c.name: {"title": c.title, **_PLAIN[c.kind]} for c in columns},
        "additionalProperties": False,
    }
    always: dict[str, Any] = {
        "schema": {"const": f"lodestar.{name}/1"},
        "generated_at": {"type": "string", "format": "date-time"},
        "tz": {"type": ["string", "null"], "description": "null is the system's"},
        "since": _DAY,
        "until": {**_DAY, "description": "the last day, included"},
        "by": {"type": "array", "items": {"enum": list(BY)}},
        "filters": {"type": "object"},
        "currency": {"const": "USD"},
        **facts,
        "totals": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/row"}]},
        "warnings": {"type": "array", "items": {"type": "string"}},
        "data": {"type": "array", "items": {"$ref": "#/$defs/row"}},
    }
    return {
        "$schema": DRAFT,
        "title": name,
        "type": "object",
        "properties": always,
        "required": list(always),
        "additionalProperties": False,
        "$defs": {"row": row},
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

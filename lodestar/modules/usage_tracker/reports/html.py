"""The page as HTML: one file that opens offline."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from lodestar.modules.usage_tracker.reports.page import Page
from lodestar.modules.usage_tracker.reports.sheet import Cell, Column, Sheet, exact
from lodestar.modules.usage_tracker.reports.words import cell_text
from lodestar.terminal import one_line

if TYPE_CHECKING:
    from jinja2 import Template

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""Nothing is loaded and nothing is run, whatever a branch or a project is called."""


Live = tuple[str, Sequence[str], int]
"""(the period shown, all periods, seconds between two looks)"""


def html(page: Page, made: str, zone: str | None, live: Live | None = None) -> str:
    """The page; `made` says when. A page that is `live` has its policy from its server."""
    return _template().render(
        page=page,
        made=made,
        zone=zone,
        policy=None if live else POLICY,
        live=live,
        pairs=_pairs,
        text=_text,
        exact=_exact,
    )


@lru_cache(maxsize=1)
def _template() -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("lodestar.modules.usage_tracker.reports", ".")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    return environment.get_template("page.html.j2")


def _pairs(sheet: Sheet, row: Sequence[Cell]) -> list[tuple[Column, Cell]]:
    return list(zip(sheet.columns, row, strict=True))


def _text(column: Column, cell: Cell) -> str:
    return one_line(cell_text(column.kind, cell))


def _exact(column: Column, cell: Cell) -> str:
    value = exact(column.kind, cell)
    if value is None:
        return "not known"
    return f"${value}".replace("$-", "-$") if column.kind == "usd" else str(value)

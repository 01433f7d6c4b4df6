"""A report as rows and columns, the same whatever it is printed as."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from lodestar.errors import UsageError
from lodestar.money import plain_dollars

Kind = Literal["text", "count", "tokens", "share", "usd", "seconds"]
"""A share is 0 to 1, an amount of US dollars is in nano-dollars."""
Cell = str | int | float | None


@dataclass(frozen=True)
class Column:
    """One column: `name` for programs, `title` for people.

    What has a higher `rank` is left out first where a terminal is too narrow for all; what is
    `spare` is on no screen unless it is asked for. `money` says what something costs or saved.
    """

    name: str
    title: str
    kind: Kind = "text"
    rank: int = 0
    money: bool = False
    spare: bool = False


@dataclass(frozen=True)
class Sheet:
    """Rows of cells, one for each column; `totals` is a row as well, or None.

    `notes` are sentences for the person; `facts` stand beside the data in JSON.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    totals: tuple[Cell, ...] | None = None
    notes: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    def only(self, names: Sequence[str]) -> Sheet:
        """With these columns, in this order. Raises UsageError where there is none of a name."""
        known = {column.name: place for place, column in enumerate(self.columns)}
        unknown = [name for name in names if name not in known]
        if unknown:
            raise UsageError(
                f"there is no column `{unknown[0]}`", f"there are {', '.join(known)}", "name those"
            )
        places = [known[name] for name in names]

        def chosen(row: tuple[Any, ...]) -> tuple[Any, ...]:
            return tuple(row[place] for place in places)

        return replace(
            self,
            columns=chosen(self.columns),
            rows=tuple(chosen(row) for row in self.rows),
            totals=chosen(self.totals) if self.totals else None,
        )

    def without_money(self) -> Sheet:
        """Without the columns that say what something costs or saved."""
        free = self.only([column.name for column in self.columns if not column.money])
        return replace(free, notes=())

    def plain(self, row: Sequence[Cell]) -> dict[str, Cell]:
        """A row for programs: exact, money as decimal strings of dollars."""
        return {
            column.name: exact(column.kind, cell)
            for column, cell in zip(self.columns, row, strict=True)
        }


def exact(kind: Kind, cell: Cell) -> Cell:
    """A cell to its last digit; money as a decimal string, a share to four places."""
    if kind == "usd" and isinstance(cell, int):
        return f"{'-' if cell < 0 else ''}{plain_dollars(abs(cell))}"
    if kind in ("share", "seconds") and isinstance(cell, (int, float)):
        return round(cell, 4)
    return cell

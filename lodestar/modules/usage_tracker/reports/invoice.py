"""The sheet of `lodestar usage reconcile`: the ledger beside a provider's bill."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timezone
from urllib.parse import urlsplit

from lodestar.catalog import Catalog
from lodestar.errors import UsageError
from lodestar.modules.usage_tracker.reports.figures import Figures, total
from lodestar.modules.usage_tracker.reports.sheet import Column, Sheet
from lodestar.modules.usage_tracker.reports.usage import Group, Wanted, usage
from lodestar.modules.usage_tracker.reports.usage_sheet import calls_text, facts_of, notes
from lodestar.modules.usage_tracker.reports.words import dollars, percent
from lodestar.money import plain_dollars
from lodestar.settings import ModelEntry

COLUMNS = (
    Column("alias", "Alias"),
    Column("model", "Model", rank=1),
    Column("calls", "Calls", "count"),
    Column("input_tokens", "In", "tokens", rank=3),
    Column("output_tokens", "Out", "tokens", rank=2),
    Column("cash_usd", "Cash", "usd", money=True),
    Column("assumed_usd", "Assumed", "usd", money=True),
    Column("unpriced_calls", "Unpriced", "count", money=True),
)
_KEY_ENDS = ("_API_KEY", "_KEY", "_TOKEN")


@dataclass(frozen=True)
class Bill:
    """What a provider billed, nano-dollars, and by what share of it the ledger may differ."""

    provider: str
    nano: int
    within: float


@dataclass(frozen=True)
class Compared:
    """The ledger's sums beside a bill; `utc` is the cash of the same days in UTC."""

    bill: Bill
    ledger: Figures
    utc: int
    held: int

    @property
    def difference(self) -> int:
        """What the ledger has more than the bill, nano-dollars."""
        return self.ledger.cash - self.bill.nano

    @property
    def share(self) -> float | None:
        """The difference as a share of the bill; None where nothing was billed."""
        return self.difference / self.bill.nano if self.bill.nano else None

    @property
    def agrees(self) -> bool:
        """Whether they differ by no more than they may."""
        return abs(self.difference) <= self.bill.within * self.bill.nano


def providers(catalog: Catalog) -> Mapping[str, list[str]]:
    """Who sends bills, and the aliases that are on them."""
    found: dict[str, list[str]] = {}
    for alias, entry in catalog:
        if entry.paid:
            found.setdefault(provider_of(entry), []).append(alias)
    return found


def provider_of(entry: ModelEntry) -> str:
    """Who bills for a model: as its key is called, else the translator's name or the server's."""
    for end in _KEY_ENDS:
        if entry.key_env and entry.key_env.endswith(end):
            return entry.key_env.removesuffix(end).lower()
    if entry.provider == "litellm":
        return entry.model.split("/")[0].lower()
    return urlsplit(entry.api_base or "").hostname or entry.provider


def invoice_sheet(
    connection: sqlite3.Connection, wanted: Wanted, catalog: Catalog, bill: Bill
) -> tuple[Sheet, bool]:
    """One row a model of the provider, and whether bill and ledger agree. Raises UsageError."""
    known = providers(catalog)
    aliases = known.get(bill.provider.lower())
    if aliases is None:
        names = ", ".join(sorted(known)) or "none"
        raise UsageError(
            f"there is no paid model of `{bill.provider}`", f"providers: {names}", "name one"
        )
    found, others = _groups(connection, wanted, aliases)
    in_utc = replace(wanted, period=replace(wanted.period, zone=timezone.utc))
    utc, _ = _groups(connection, in_utc, aliases)
    whole = total(group.figures for group in found)
    held = _held(connection, wanted, aliases)
    compared = Compared(bill, whole, total(group.figures for group in utc).cash, held)
    strangers = [group for group in others if str(group.key[0]) not in catalog]
    return Sheet(
        "usage.reconcile",
        f"{bill.provider}, {wanted.period.text()}",
        COLUMNS,
        tuple((*map(str, group.key), *_cells(group.figures)) for group in found),
        ("Total", "", *_cells(whole)),
        notes=(*_verdict(compared), *notes(whole), *_causes(compared, strangers)),
        facts={**facts_of(wanted), **_facts(compared)},
    ), compared.agrees


def _groups(
    connection: sqlite3.Connection, wanted: Wanted, aliases: Sequence[str]
) -> tuple[list[Group], list[Group]]:
    """The provider's paid models, and all others."""
    only = {**wanted.only, "billing": "payg"}
    groups = usage(connection, replace(wanted, by=("alias", "model"), only=only))
    inside = [group for group in groups if group.key[0] in aliases]
    return inside, [group for group in groups if group.key[0] not in aliases]


def _held(connection: sqlite3.Connection, wanted: Wanted, aliases: Sequence[str]) -> int:
    marks = ", ".join("?" for _ in aliases)
    row = connection.execute(
        "SELECT coalesce(sum(amount_nano), 0) AS nano FROM holds WHERE state = 'held'"  # noqa: S608
        f" AND window_ms >= ? AND window_ms < ? AND alias IN ({marks})",
        (wanted.period.start_ms, wanted.period.end_ms, *aliases),
    ).fetchone()
    return int(row["nano"])


def _cells(figures: Figures) -> tuple[int | None, ...]:
    cash = None if figures.unpriced and not figures.cash else figures.cash
    counts = figures.calls, figures.input, figures.output
    return *counts, cash, figures.assumed, figures.unpriced


def _verdict(found: Compared) -> list[str]:
    bill, cash = dollars(found.bill.nano), dollars(found.ledger.cash)
    share = found.share
    far = "" if share is None else f" ({percent(abs(share))})"
    by = f"{dollars(abs(found.difference))}{far} {'more' if found.difference > 0 else 'less'}"
    what = "the same" if not found.difference else by
    lines = [f"billed {bill}, in the ledger {cash}: {what}"]
    if not found.agrees:
        lines.append(f"that is more than {percent(found.bill.within)} of the bill apart")
    return lines


def _causes(found: Compared, strangers: Sequence[Group]) -> Iterator[str]:
    """What may explain a difference, as far as the ledger knows of it."""
    if not found.difference:
        return
    if found.utc != found.ledger.cash:
        yield f"the same days in UTC, as most providers cut them, come to {dollars(found.utc)}"
    if found.held:
        yield f"{dollars(found.held)} are held for calls that have not ended"
    for group in strangers:
        figures = group.figures
        yield (
            f"`{group.key[0]}` is not in the catalogue any more:"
            f" {calls_text(figures.calls)} for {dollars(figures.cash)} are not counted"
        )
    if found.difference < 0:
        yield "a bill has also what did not go through Lodestar with the same key, and taxes"
    else:
        yield "a bill may have credits and discounts taken off"


def _facts(found: Compared) -> dict[str, object]:
    difference = found.difference
    sign = "-" if difference < 0 else ""
    return {
        "provider": found.bill.provider.lower(),
        "invoice_usd": plain_dollars(found.bill.nano),
        "ledger_usd": plain_dollars(found.ledger.cash),
        "difference_usd": f"{sign}{plain_dollars(abs(difference))}",
        "difference_share": None if found.share is None else round(found.share, 4),
        "within_share": found.bill.within,
        "utc_usd": plain_dollars(found.utc),
        "held_usd": plain_dollars(found.held),
        "agrees": found.agrees,
    }

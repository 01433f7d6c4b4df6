"""The prices in force beside those of a list: what differs, and what would be taken from it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from pydantic import ValidationError

from lodestar.prices.listing import Listed, PriceFile, listed, provider_of
from lodestar.prices.own import PRICES
from lodestar.settings import LongPrompt, ModelEntry, OwnPrice, Settings

Origin = Literal["built in", "looked up", "yours", "unknown"]
Verdict = Literal["changed", "same", "yours", "doubtful", "unusable", "missing"]
WILD = 10
"""So many times as dear or as cheap is a mistake until somebody says that it is none."""
NAMES = {
    "price_in": "input",
    "price_out": "output",
    "price_cache_read": "cache read",
    "price_cache_write": "cache write",
}
ABOVE = "long prompt above"


@dataclass(frozen=True)
class Comparison:
    """One alias: its entry, what the list says, and what is to be done about it.

    `found` is None where the list has no price for it that can be used; `why` says so.
    """

    alias: str
    entry: ModelEntry
    verdict: Verdict
    found: OwnPrice | None = None
    why: str = ""

    @property
    def taken(self) -> bool:
        """Whether an update writes it: other prices, or the same ones of a later day."""
        if self.found is None or self.verdict not in ("changed", "same"):
            return False
        newer = (self.found.price_date or "") > (self.entry.price_date or "")
        return self.verdict == "changed" or newer

    @property
    def lines(self) -> list[tuple[str, Decimal | int | None, Decimal | int | None]]:
        """What differs: its name, as it is, as the list has it."""
        before, after = figures(self.entry), figures(self.found)
        names = [name for name in figure_names() if name in before or name in after]
        rows = [(name, before.get(name), after.get(name)) for name in names]
        return [row for row in rows if row[1] != row[2]] if self.found else []


def origin(alias: str, entry: ModelEntry, settings: Settings) -> Origin:
    """Whose a price is."""
    if entry.price_in is None or entry.price_out is None:
        return "unknown"
    own = settings.prices.get(alias)
    mine = alias in settings.models or (own is not None and own.model == entry.model)
    if not mine:
        return "built in"
    return "looked up" if (entry.price_source or "").startswith("litellm ") else "yours"


def compared(
    entries: Iterable[tuple[str, ModelEntry]],
    settings: Settings,
    file: PriceFile,
    named: Collection[str] = (),
) -> list[Comparison]:
    """Every paid alias, or only the named ones: a named one is taken whatever was said of it."""
    return [
        _compared(alias, entry, origin(alias, entry, settings), file, alias in named)
        for alias, entry in entries
        if entry.paid and (not named or alias in named)
    ]


def far_apart(before: ModelEntry | OwnPrice, after: OwnPrice) -> str:
    """Which price is so many times what it was that it may be a mistake; empty for none."""
    was, will_be = figures(before), figures(after)
    for name in was.keys() & will_be.keys() - {ABOVE}:
        low, high = sorted((Decimal(was[name]), Decimal(will_be[name])))
        if low * WILD <= high and high > 0:
            return f"{name} {was[name]:f} would be {will_be[name]:f}"
    return ""


def figures(price: ModelEntry | OwnPrice | None) -> Mapping[str, Decimal | int]:
    """Each part of a price by its name; the parts that are known."""
    if price is None:
        return {}
    found: dict[str, Decimal | int] = _named(price, "")
    if price.long_prompt:
        found |= {ABOVE: price.long_prompt.above, **_named(price.long_prompt, "long ")}
    return found


def figure_names() -> list[str]:
    """In the order in which they are shown."""
    return [*NAMES.values(), ABOVE, *(f"long {name}" for name in NAMES.values())]


def _named(price: ModelEntry | OwnPrice | LongPrompt, prefix: str) -> dict[str, Decimal | int]:
    found = {f"{prefix}{NAMES[name]}": getattr(price, name) for name in PRICES}
    return {name: value.normalize() for name, value in found.items() if value is not None}


def _compared(
    alias: str, entry: ModelEntry, whose: Origin, file: PriceFile, named: bool
) -> Comparison:
    said = listed(entry, file)
    if said is None:
        unknown = "its provider is not known to the list" if provider_of(entry) is None else ""
        return Comparison(alias, entry, "missing", why=unknown or "the list does not have it")
    if said.problem:
        return Comparison(alias, entry, "unusable", why=said.problem)
    try:
        found = _own(entry, said, file)
    except ValidationError:
        return Comparison(alias, entry, "unusable", why="its prices are out of bounds")
    if figures(entry) == figures(found):
        return Comparison(alias, entry, "same", found)
    if whose == "yours" and not named:
        return Comparison(alias, entry, "yours", found, "you set it")
    doubt = "" if named else _doubt(entry, found)
    return Comparison(alias, entry, "doubtful" if doubt else "changed", found, doubt)


def _doubt(entry: ModelEntry, found: OwnPrice) -> str:
    """Why a price may be wrong, so that nobody should take it without a look."""
    if found.price_date and found.price_date < (entry.price_date or ""):
        return f"the list is of {found.price_date}, your price of {entry.price_date}"
    if entry.long_prompt and not found.long_prompt:
        return "the list has no price of long prompts any more"
    far = far_apart(entry, found)
    return f"{far}, and a change tenfold is usually a mistake" if far else ""


def _own(entry: ModelEntry, said: Listed, file: PriceFile) -> OwnPrice:
    long = LongPrompt.model_validate({"above": said.step, **said.long}) if said.step else None
    return OwnPrice(
        model=entry.model,
        **said.prices,
        long_prompt=long,
        price_source=file.source,
        price_date=file.date,
    )

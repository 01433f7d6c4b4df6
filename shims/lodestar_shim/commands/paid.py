"""`/paid`: a model that costs money, after its price is said and the user said yes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lodestar.control import Asked, Reply, SlashCommand
from lodestar.errors import LodestarError, UsageError
from lodestar.exchange import SHORT, Route
from lodestar.routing import AUTO
from lodestar.settings import ModelEntry, Settings
from lodestar_shim.commands.keyed import Keyed
from lodestar_shim.escalation import ASKED, cost
from lodestar_shim.services import Services
from lodestar_shim.status import Status, shown_name


def commands(services: Services, status: Status) -> Sequence[SlashCommand]:
    """The command of this file."""
    paid = _Paid(services, status, Keyed.here(services))
    help_ = "Go on with a paid model, after its price is shown"
    return (SlashCommand("paid", help_, paid.run, "ALIAS", paid.aliases),)


@dataclass(frozen=True)
class _Paid:
    services: Services
    status: Status
    keyed: Keyed

    def aliases(self, settings: Settings) -> Sequence[str]:
        """What may follow: every alias that costs money."""
        return [a for a, entry in self.services.catalog if entry.paid and a != AUTO]

    def run(self, asked: Asked) -> Reply:
        """List them, or say what one costs and switch to it on the user's yes."""
        if not asked.argument:
            return self._list(asked.settings)
        route = self._route(asked)
        if asked.route is not None and asked.route.alias == route.alias:
            return Reply([f"it is {shown_name(route)} already; /free goes back"])
        if asked.confirmed:
            now = f"from now on {shown_name(route)}: PAID; /free goes back"
            return Reply([now], effect={"model": route.alias})
        return Reply(list(self._terms(asked, route)), question=f"Go on with {route.alias}?")

    def _list(self, settings: Settings) -> Reply:
        catalog = self.services.catalog
        aliases = self.aliases(settings)
        width = max(map(len, aliases), default=0)
        lines = [f"{alias.ljust(width)}  {price_text(catalog.get(alias))}" for alias in aliases]
        if not lines:
            return Reply(["no model of the catalogue costs money"])
        closed = settings.limits.free_only
        last = "this session is free only: none of them is asked" if closed else "use: /paid ALIAS"
        return Reply([*lines, last])

    def _route(self, asked: Asked) -> Route:
        entry = self.services.catalog.get(asked.argument)
        alias = self.services.catalog.plain(asked.argument)
        if not entry.paid:
            raise UsageError(f"`{alias}` costs nothing", "/paid is for models that do", "/free")
        if asked.settings.limits.free_only:
            raise LodestarError(
                f"`{alias}` is not asked: this session is free only",
                "limits.free_only closes every paid model",
                "/free, or start `lodestar code` without it",
            )
        return Route(alias, entry, ASKED)

    def _terms(self, asked: Asked, route: Route) -> Iterator[str]:
        yield f"{shown_name(route)}: {price_text(route.entry)}"
        size = _last_size(asked)
        if size is not None:
            yield f"a message like your last one: {cost(size, route.entry)}"
        if not self.keyed.has_key(route):
            yield f"it has no key yet, and does not answer without: lodestar keys set {route.alias}"
        said = self.status.told(route)
        if closed := said.get("closed"):
            free = said.get("policy", "downgrade") == "downgrade"
            what = "a free model would answer" if free else "it would be refused"
            yield f"just now it is closed: {closed}; {what}"


def price_text(entry: ModelEntry) -> str:
    """What a million tokens cost."""
    if entry.price_in is None or entry.price_out is None:
        return "its price is not known"
    return f"${entry.price_in:.2f} in, ${entry.price_out:.2f} out per million tokens"


def _last_size(asked: Asked) -> int | None:
    """The bytes of the user's last request in this session."""
    row = asked.store.row(
        "SELECT request_bytes FROM exchanges WHERE session_id = ? AND kind NOT IN (?, ?)"
        " ORDER BY started_ms DESC, id DESC LIMIT 1",
        (asked.session, *SHORT),
    )
    return None if row is None else int(row["request_bytes"])

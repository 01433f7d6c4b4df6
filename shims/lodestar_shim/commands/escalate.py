"""`/escalate`: the last message once more, to the next tier up, after its price is said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lodestar.control import Asked, Reply, SlashCommand
from lodestar.errors import LodestarError, UsageError
from lodestar.exchange import Route
from lodestar.routing import AUTO
from lodestar.settings import ModelEntry, Settings
from lodestar_shim.commands.answers import last_exchange
from lodestar_shim.commands.keyed import Keyed
from lodestar_shim.commands.paid import price_text
from lodestar_shim.escalation import ESCALATED, cost
from lodestar_shim.services import Services
from lodestar_shim.status import Status, shown_name


def commands(services: Services, status: Status) -> Sequence[SlashCommand]:
    """The command of this file."""
    found = _Escalate(services, status, Keyed.here(services))
    help_ = "Send your last message again, to a better model, and keep the better answer"
    return (SlashCommand("escalate", help_, found.run, "[ALIAS]", found.aliases),)


@dataclass(frozen=True)
class _Escalate:
    services: Services
    status: Status
    keyed: Keyed

    def aliases(self, settings: Settings) -> Sequence[str]:
        """What may follow: every model above the free ones."""
        return [alias for alias, entry in self.services.catalog if entry.tier > 1 or entry.paid]

    def run(self, asked: Asked) -> Reply:
        """Say what the next model up costs; on the user's yes, or for free, ask it."""
        last = last_exchange(asked)
        route = self._named(asked) if asked.argument else self._next(asked, last)
        self._check(asked, route)
        again = Reply(
            [f"your last message goes to {shown_name(route)}"], effect={"resend": route.alias}
        )
        if asked.confirmed or not route.entry.paid:
            return again
        price = f"{shown_name(route)}: {price_text(route.entry)}"
        estimate = f"your last message again: {cost(int(last['request_bytes']), route.entry)}"
        question = f"Send it to {route.alias}, for money?"
        return Reply([price, estimate], question=question, argument=route.alias)

    def _named(self, asked: Asked) -> Route:
        catalog = self.services.catalog
        alias = catalog.plain(asked.argument)
        if alias == AUTO:
            raise UsageError("`auto` is no model", "it chooses one, a free one first", "name one")
        return Route(alias, catalog.get(alias), ESCALATED)

    def _next(self, asked: Asked, last: Mapping[str, Any]) -> Route:
        """The lowest tier above the model that answered last; under the ceiling first."""
        catalog = self.services.catalog
        name = catalog.plain(str(last["served_alias"] or last["requested_alias"]))
        tier = catalog.get(name).tier if name in catalog else 1
        known = list(self._above(tier, asked.settings))
        for alias, entry in known:
            if self.keyed.has_key(Route(alias, entry, ESCALATED)):
                return Route(alias, entry, ESCALATED)
        if known:
            missing = ", ".join(alias for alias, _ in known)
            raise LodestarError(
                f"there is no key for a model above `{name}`",
                f"these take one: {missing}",
                "lodestar keys set ALIAS, or name another model: /escalate ALIAS",
            )
        free = " this session may ask: it is free only" if asked.settings.limits.free_only else ""
        raise LodestarError(
            f"there is no model above `{name}`{' that' if free else ''}{free}",
            "" if free else "it is of the highest tier",
            "say it in other words, or name a model: /escalate ALIAS",
        )

    def _above(self, tier: int, settings: Settings) -> Iterator[tuple[str, ModelEntry]]:
        """What may be asked, the nearest first: in a tier, what the user's settings name."""
        catalog = self.services.catalog
        named = [*settings.routing.auto, *settings.models]
        found = [
            (alias, entry)
            for alias, entry in catalog
            if entry.tier > tier and not (entry.paid and settings.limits.free_only)
        ]

        def order(item: tuple[str, ModelEntry]) -> tuple[bool, int, int]:
            alias, entry = item
            place = named.index(alias) if alias in named else len(named)
            return entry.tier > settings.tier_ceiling, entry.tier, place

        return iter(sorted(found, key=order))

    def _check(self, asked: Asked, route: Route) -> None:
        if not route.entry.paid:
            return
        if asked.settings.limits.free_only:
            raise LodestarError(
                f"`{route.alias}` is not asked: this session is free only",
                "limits.free_only closes every paid model",
                "start `lodestar code` without it, or name a free model: /escalate ALIAS",
            )
        if not self.keyed.has_key(route):
            raise LodestarError(
                f"there is no key for `{route.alias}`",
                "nothing was sent",
                f"lodestar keys set {route.alias}",
            )
        closed = self.status.told(route).get("closed")
        if closed:
            raise LodestarError(
                f"`{route.alias}` is closed just now", str(closed), "see /budget; nothing was sent"
            )

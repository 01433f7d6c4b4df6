"""`/up` and `/down`: what the user thinks of the last answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lodestar.control import Asked, Reply, SlashCommand
from lodestar.rating import REASONS
from lodestar.store.feedback import Verdict, add_rating
from lodestar.store.text import storable
from lodestar_shim.commands.answers import described, last_answer
from lodestar_shim.services import Services
from lodestar_shim.status import Status

SOURCE = "slash command"


def commands(services: Services, status: Status) -> Sequence[SlashCommand]:
    """The commands of this file."""
    up, down = _Rate(services, "good"), _Rate(services, "bad")
    return (
        SlashCommand("up", "Say that the last answer was good", up.run),
        SlashCommand(
            "down",
            "Say that the last answer was bad",
            down.run,
            "[REASON]",
            lambda settings: tuple(REASONS.values()),
        ),
    )


@dataclass(frozen=True)
class _Rate:
    services: Services
    verdict: Verdict

    def run(self, asked: Asked) -> Reply:
        """Store the rating, unless it stands already."""
        answer = last_answer(asked)
        reason, comment = self._words(asked.argument)
        new, which = (
            (self.verdict, reason, comment),
            described(answer, asked.settings.timezone),
        )
        before = asked.store.row(
            "SELECT verdict, reason, comment FROM ratings WHERE exchange_id = ?"
            " AND undone_ms IS NULL ORDER BY id DESC LIMIT 1",
            (answer["id"],),
        )
        if before and tuple(before) == new:
            return Reply([f"rated {_text(*new)} already: {which}"])
        add_rating(asked.store, asked.session, answer["id"], self.verdict, SOURCE, reason, comment)
        was = f" (was {before['verdict']})" if before else ""
        return Reply([f"rated {_text(*new)}{was}: {which}"])

    def _words(self, argument: str) -> tuple[str | None, str | None]:
        """The reason, where it is one of ours, and the rest as a comment."""
        first, _, rest = argument.partition(" ")
        reason = first.lower().rstrip(",;:.") if self.verdict == "bad" else ""
        if reason in REASONS.values():
            return reason, self._clean(rest)
        return None, self._clean(argument)

    def _clean(self, text: str) -> str | None:
        return self.services.recorder.words(storable(text.strip())) or None


def _text(verdict: str, reason: str | None, comment: str | None) -> str:
    return verdict + (f", {reason}" if reason else "") + (f' "{comment}"' if comment else "")

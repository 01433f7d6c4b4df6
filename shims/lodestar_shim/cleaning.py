"""What passes by, made fit to be stored: without secrets, and no longer than it may be."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

from lodestar.exchange import Outcome, Request
from lodestar.redaction import Redactor
from lodestar.settings import LogSettings
from lodestar.store.exchanges import Message
from lodestar.store.text import storable
from lodestar_shim.parse import text_of

REMEMBERED = 128
ERROR_LIMIT = 2000
NAME_LIMIT = 200
COUNTS_LIMIT = 64
QUICK = 16_000
"""Characters that are searched for secrets in the twinkling of an eye."""


class Cleaner:
    """Takes secrets out; remembers what it has searched."""

    def __init__(self, settings: LogSettings, redactor: Redactor) -> None:
        self._settings = settings
        self._redactor = redactor
        self._seen: OrderedDict[str, str] = OrderedDict()

    def learn(self, secret: str) -> None:
        """From now on this secret is redacted too."""
        self._redactor.add(secret)
        self._seen.clear()

    def is_quick(self, request: Request) -> bool:
        """Whether there is little in a request that was not searched before."""
        return sum(len(text) for text in _texts(request) if text not in self._seen) <= QUICK

    def prompt(self, request: Request) -> list[Message]:
        """The messages of a request."""
        messages: Iterable[dict[str, object]] = request.body["messages"]
        roles = (str(message["role"]) for message in messages)
        return [self.message(role, text) for role, text in zip(roles, _texts(request), strict=True)]

    def message(self, role: str, text: str) -> Message:
        """One message."""
        size = len(text.encode("utf-8", "replace"))
        role = self._name(role)
        if self._settings.text == "none":
            return role, None, size
        return role, self._redacted(storable(text)), size

    def _redacted(self, text: str) -> str:
        # Aider resends its whole context each turn: most messages have been searched before.
        found = self._seen.pop(text, None)
        if found is None:
            found = self._searched(text)
        self._seen[text] = found
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return found

    def event(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """An event of the launcher's."""
        texts = ("message", "text") if self._settings.text == "none" else ()
        kept = {name: value for name, value in event.items() if name not in texts}
        return {str(name): self._value(value) for name, value in kept.items()}

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._searched(storable(value))
        if isinstance(value, list):
            return [self._value(part) for part in value]
        if isinstance(value, Mapping):
            return {self._value(str(k)): self._value(v) for k, v in value.items()}
        return value

    def _searched(self, text: str) -> str:
        """The text as it may be stored; our own keys go even where all else is kept."""
        full = self._settings.text == "full"
        return self._redactor.known(text) if full else self._redactor.text(text)

    def outcome(self, outcome: Outcome) -> Outcome:
        """An upstream's words, which may quote a key, made fit to be stored."""
        error = outcome.error and self.words(outcome.error)
        model, reason = outcome.served_model, outcome.finish_reason
        return replace(
            outcome,
            error=error and error[:ERROR_LIMIT],
            served_model=model and self._name(model),
            finish_reason=reason and self._name(reason),
            usage=replace(outcome.usage, raw=self._counts(outcome.usage.raw)),
        )

    def words(self, text: str) -> str:
        """Words of an upstream's, of any length, without secrets."""
        return self._redactor.text(storable(text))

    def _name(self, text: str) -> str:
        # Searched before it is cut: half a key would not be found.
        return self._redacted(storable(text[: 10 * NAME_LIMIT]))[:NAME_LIMIT]

    def _counts(self, raw: Any, depth: int = 3) -> dict[str, Any] | None:
        """A provider's usage as it gave it, numbers only: nobody's words belong there."""
        if not isinstance(raw, Mapping):
            return None
        parts = [(self._name(str(k)), v) for k, v in islice(raw.items(), COUNTS_LIMIT)]
        deeper = {
            k: self._counts(v, depth - 1) for k, v in parts if depth and isinstance(v, Mapping)
        }
        return {k: v for k, v in parts if isinstance(v, (int, float))} | deeper


def _texts(request: Request) -> list[str]:
    messages: Iterable[dict[str, object]] = request.body["messages"]
    return [text_of(message.get("content")) for message in messages]

"""Where the conversation stands: the user's turn, the kind of the request, its id."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

MAIN_KINDS = frozenset({"edit", "reflection", "ask", "architect", "editor"})
ASK_FORMATS = frozenset({"ask", "context", "help"})


class _Kind(threading.local):
    # Aider summarises history on a thread of its own while the user's turn goes on.
    name = "other"


@dataclass
class Turns:
    """The turn being answered. A turn is one message of the user; commands open none.

    `request` is the id of the turn's last main request, None before there is one.
    """

    opened: Callable[[int], None] = field(default=lambda text_len: None)
    number: int = 0
    request: str | None = None
    _depth: int = 0
    _pending: int | None = None
    _kind: _Kind = field(default_factory=_Kind)

    @contextmanager
    def message(self, text: str, command: bool) -> Iterator[None]:
        """One message of the user is handled inside.

        Aider nests messages (`/ask` and the architect run a second coder): only the
        outermost counts, and a command becomes a turn with its first main request.
        """
        if self._depth == 0:
            self._pending = len(text)
            if not command:
                self._open()
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            if self._depth == 0:
                self._pending = None

    def _open(self) -> None:
        if self._pending is None:
            return
        text_len, self._pending = self._pending, None
        self.number += 1
        self.request = None
        self.opened(text_len)

    @contextmanager
    def kind(self, name: str) -> Iterator[None]:
        """Requests made by this thread inside are of this kind."""
        before, self._kind.name = self._kind.name, name
        try:
            yield
        finally:
            self._kind.name = before

    def new_request(self) -> dict[str, str]:
        """The headers of a request that is about to leave this thread."""
        kind, request = self._kind.name, uuid.uuid4().hex
        if kind in MAIN_KINDS:
            self._open()
            self.request = request
        return {
            "X-Lodestar-Kind": kind,
            "X-Lodestar-Turn": str(self.number),
            "X-Lodestar-Request": request,
        }


def kind_of(edit_format: str | None, reflections: int) -> str:
    """The kind of a main request, from the coder's edit format and its count of reflections."""
    edit_format = edit_format or ""
    if edit_format in ASK_FORMATS:
        return "ask"
    if edit_format == "architect":
        return "architect"
    if reflections:
        return "reflection"
    return "editor" if edit_format.startswith("editor-") else "edit"

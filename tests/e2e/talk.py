"""A free model and a paid one above it, and a session of Aider that is talked to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.e2e.conftest import FakedMachine
from tests.e2e.screen import Screen, open_screen
from tests.fakes.upstream import Upstream


def whole(text: str, name: str = "hello.py") -> str:
    """An answer that writes a whole file."""
    return f"Certainly so.\n\n{name}\n```\n{text}```\n"


class Desk(FakedMachine):
    """A free model that renames to `greet`, and a paid one above it that renames to `salute`."""

    def __init__(
        self, root: Path, home: Path, free: Upstream, paid: Upstream, notes: Upstream
    ) -> None:
        super().__init__(root, home, free)
        self.paid, self.notes = paid, notes
        self.set()

    def set(self, **settings: Any) -> None:
        """Its configuration."""
        free = {"provider": "openai", "model": "free", "billing": "free"}
        price = {"billing": "payg", "price_in": 3, "price_out": 15, "max_output": 500}
        mid = {"provider": "openai", "model": "mid", "tier": 2, **price}
        models = {
            "local-coder": {**free, "api_base": self.upstream.url},
            "notes": {**free, "api_base": self.notes.url},
            "mid": {**mid, "api_base": self.paid.url},
            "dull": {**mid, "api_base": self.paid.url},
            "top": {**mid, "api_base": self.paid.url, "model": "top", "tier": 3},
        }
        for entry in models.values():
            entry["aider"] = {"edit_format": "whole", "editor_edit_format": "editor-whole"}
        models["dull"]["aider"] = {"edit_format": "diff"}
        rest = {"main": "local-coder", "weak": "notes", "models": models}
        self.config(json.dumps({**rest, **settings}))

    @property
    def head(self) -> str:
        return self.git("rev-parse", "HEAD").strip()

    @property
    def dirty(self) -> str:
        return self.git("status", "--porcelain").strip()

    def signals(self, kind: str) -> list[dict[str, Any]]:
        """The data of the signals of a type, with the alias of the exchange they are tied to."""
        rows = self.rows(
            "SELECT s.data, s.commit_hash, e.id AS exchange_id, e.served_alias,"
            " e.client_request FROM signals s"
            " JOIN exchanges e ON e.id = s.exchange_id WHERE s.type = ? ORDER BY s.rowid",
            kind,
        )
        return [{**json.loads(row["data"]), **row} for row in rows]


class Talk:
    """A session of Aider: what is waited for comes after what was waited for before."""

    def __init__(self, desk: Desk, screen: Screen) -> None:
        self.desk = desk
        self.screen = screen
        self._seen = 0

    def see(self, *texts: str) -> str:
        """Wait until these were written, in this order; returns all that was written till then."""
        began = self._seen
        for text in texts:
            self.screen.wait_after(text, self._seen)
            self._seen = self.screen.text.index(text, self._seen) + len(text)
        return self.screen.text[began : self._seen]

    def say(self, keys: str, *texts: str) -> str:
        """Type a line and wait for what it brings."""
        self.screen.send(f"{keys}\r")
        return self.see(*texts)

    def edit(self, words: str = "rename hello to greet") -> str:
        """Let the free model do it; the commit that it made."""
        before = self.desk.head
        self.say(words, "Applied edit to", "Commit ", "You can use /undo")
        assert self.desk.head != before
        return self.desk.head

    def escalate(self, *texts: str, to: str = "mid", typed: str = "/escalate") -> str:
        """Send it again, for money, and wait for what comes then."""
        self.say(typed, f"Send it to {to}, for money? (Y)es/(N)o [No]:")
        return self.say("y", *texts)

    def prompt(self) -> None:
        """Wait for Aider's prompt."""
        self.say("/tokens", "tokens total")


@contextmanager
def talk(desk: Desk, *flags: str) -> Iterator[Talk]:
    """`lodestar code` on a terminal until /exit."""
    with open_screen(desk, "--no-rating", *flags) as screen:
        found = Talk(desk, screen)
        found.see("FREE local-coder")
        yield found
        screen.send("/exit\r")
        assert screen.exit_code() == 0

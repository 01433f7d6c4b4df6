"""A small log to look at: one session with what happened in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lodestar.exchange import Exchange, Kind, Outcome, Request, Route, Status, Usage
from lodestar.ids import new_id
from lodestar.paths import Home
from lodestar.settings import ModelEntry
from lodestar.store import exchanges
from lodestar.store.feedback import add_signal
from lodestar.store.sessions import Session, end_session, start_session
from lodestar.store.store import Store

DEMO = ModelEntry(provider="engine", model="demo", billing="local", label="demo model")


@dataclass
class Worklog:
    """Writes a session through the same functions that the shim uses."""

    store: Store
    home: Home
    project: Path
    session: str = field(default_factory=new_id)

    def start(self) -> Worklog:
        known = Session(self.session, self.project, "default", "main", pid=1)
        start_session(self.store, self.home, known)
        return self

    def end(self) -> None:
        end_session(self.store, self.session, "exit", 0)

    def exchange(
        self,
        prompt: str = "rename hello",
        answer: str = "done",
        kind: Kind = "edit",
        status: Status = "ok",
        received_ms: int = 1_767_225_600_000,
        tokens: tuple[int | None, int | None] = (1200, 40),
    ) -> str:
        """One exchange from start to end; returns its id. The time is 2026-01-01 00:00 UTC."""
        body = {"messages": [{"role": "user", "content": prompt}]}
        request = Request(
            new_id(),
            self.session,
            "local-coder",
            kind,
            True,
            body,
            received_ms,
            len(prompt),
            turn=1,
            client_request=new_id(),
        )
        route = Route("local-coder", DEMO, "the profile's main model")
        outcome = Outcome(
            status,
            200,
            Usage(*tokens, source="provider"),
            ttft_ms=30,
            duration_ms=1500,
            served_model="demo",
            error="it broke" if status == "error" else None,
        )
        attempt = new_id()
        exchanges.open_exchange(self.store, request, [("user", prompt, len(prompt))])
        exchanges.open_attempt(self.store, attempt, request, route, 1)
        exchanges.close_attempt(self.store, attempt, outcome)
        finished = Exchange(request, route, outcome, 1, answer)
        exchanges.close_exchange(
            self.store, finished, [("assistant", answer, len(answer))] if answer else []
        )
        return request.id

    def signal(self, kind: str, exchange: str | None = None, **data: Any) -> None:
        """One of the launcher's events, tied to an exchange as the shim does it."""
        row = self.store.row("SELECT client_request FROM exchanges WHERE id = ?", (exchange,))
        request = row["client_request"] if row else None
        add_signal(self.store, self.session, {"type": kind, "request": request, **data})

"""The values that travel along one request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from lodestar.settings import ModelEntry

Kind = Literal[
    "edit", "reflection", "ask", "architect", "editor", "commit_message", "summary", "other"
]
Status = Literal["open", "ok", "error", "aborted", "refused", "killed"]
SHORT: tuple[Kind, ...] = ("commit_message", "summary")
"""Kinds that are never refused for money: the free model answers them instead."""
DEFAULT_OUTPUT = 8192
"""The longest answer to ask for where neither client nor model says how long, tokens."""


@dataclass(frozen=True)
class Usage:
    """Token counts; None where unknown. `input` includes the cached tokens."""

    input: int | None = None
    output: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None
    source: Literal["provider", "estimated"] = "estimated"
    raw: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Route:
    """One place an exchange may be answered."""

    alias: str
    entry: ModelEntry
    reason: str


@dataclass(frozen=True)
class Request:
    """One parsed chat request. Times are UTC milliseconds."""

    id: str
    session: str | None
    alias: str
    kind: Kind
    stream: bool
    body: Mapping[str, Any]
    received_ms: int
    size: int
    turn: int | None = None
    client_request: str | None = None
    escalated: bool = False
    """Whether the user asked for this one message to go to its model, and to no other."""


@dataclass(frozen=True)
class Outcome:
    """How one attempt ended. Durations are milliseconds."""

    status: Status
    http_status: int | None = None
    usage: Usage = Usage()
    ttft_ms: int | None = None
    duration_ms: int = 0
    finish_reason: str | None = None
    served_model: str | None = None
    error: str | None = None
    sent: bool = True
    received_bytes: int | None = None
    """Bytes of everything generated that came: no more tokens than this can have come."""
    overran: bool = False
    """Lodestar stopped the answer, because far more came than its output cap allows."""


@dataclass(frozen=True)
class Exchange:
    """A finished request with its final outcome, as observers see it."""

    request: Request
    route: Route | None
    outcome: Outcome
    attempts: int
    text: str = field(default="", repr=False)
    before: Sequence[tuple[Route, Outcome]] = ()
    """The attempts before the last one."""

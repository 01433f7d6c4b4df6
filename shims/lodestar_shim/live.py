"""The live session of this shim: its token, its notices, its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from lodestar.clock import awake_seconds, boot_seconds, now_ms
from lodestar.durations import duration_text
from lodestar.exchange import Request
from lodestar.settings import Settings
from lodestar_shim.edits import LocalEdits
from lodestar_shim.time_limit import IdleLimit, TimeLimit, left_text

# Short calls that finish what is under way; they are let through after the session's end.
AFTER_THE_END = ("commit_message", "summary")
END_KINDS = ("time limit", "idle limit", "budget")
GRACE_S = 600.0
"""How long after the end the turn that was under way then may still send requests."""


@dataclass(frozen=True)
class End:
    """Why a session is over.

    `kind` is what the log calls it, `reason` a sentence for the user. `minutes` is the length
    of a session that the user may extend.
    """

    kind: str
    reason: str
    minutes: int | None = None


@dataclass
class LiveSession:
    """State that the launcher polls. `started` is a time of `clock`, in seconds."""

    id: str
    token: str
    settings: Settings
    started: float
    clock: Callable[[], float] = boot_seconds
    awake: Callable[[], float] = awake_seconds
    supervised: bool = True
    """Whether there is an Aider that can end; a shim alone serves on."""
    turn: int | None = None
    """The user's turn that may be under way, None where none is known."""
    notices: list[dict[str, Any]] = field(default_factory=list)
    edits: LocalEdits = field(default_factory=LocalEdits)
    _busy: int = 0
    _working: bool = False
    """Whether Aider is known to be in a turn."""
    _ended: End | None = None
    _over_since: float | None = None

    def __post_init__(self) -> None:
        limits = self.settings.limits
        self.time = self._limited(limits.session_minutes)
        self.idle = IdleLimit(limits.idle_minutes, self.clock) if limits.idle_minutes else None

    def resume(self, minutes: int | None, turn: int | None) -> None:
        """Go on where the shim before this one was killed: its length, and its last turn."""
        self.time, self.turn = self._limited(minutes) or self.time, turn or None

    def notice(self, text: str, level: str = "info", title: str = "") -> None:
        """Show a line above the user's prompt, and a title of the terminal where there is one."""
        # Ids rise across restarts of the shim, or the launcher would drop what it seems to know.
        newest = self.notices[-1]["id"] if self.notices else 0
        number = max(now_ms(), newest + 1)
        titled = {"title": title} if title else {}
        self.notices.append({"id": number, "level": level, "text": text, **titled})

    def end(self, reason: str, kind: str = "budget") -> None:
        """End the session in order: the turn under way is finished, nothing new begins.

        `reason` is a sentence for the user. This end cannot be put off.
        """
        self._ended = self._ended or End(kind, reason)

    @property
    def ending(self) -> End | None:
        """Why the session is over, None while it goes on."""
        found = self._ended or self._time_up()
        if found is None:
            self._over_since = None
        elif self._over_since is None:
            # Counted from the moment at which it was noticed: a laptop may have slept till then.
            self._over_since = self.awake()
        return found

    def closed_to(self, request: Request) -> str | None:
        """Why this request may not be answered any more; None where it may.

        The turn that was under way at the end is finished, within reason.
        """
        ending = self.ending
        if ending is None:
            # Aider's summaries come at any time, under the number of the last turn.
            if request.kind not in AFTER_THE_END:
                self._works_on(request.turn)
            return None
        if request.kind in AFTER_THE_END or self._finishes(request):
            return None
        return ending.reason

    @contextmanager
    def busy(self) -> Iterator[None]:
        """A request is answered inside: the session is not idle."""
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1
            self._touch()

    @property
    def in_flight(self) -> int:
        """Requests that are answered now."""
        return self._busy

    def heard(self, event: dict[str, Any]) -> None:
        """What the launcher reports: an edit, a turn that begins, or the prompt after it."""
        self.edits.heard(event)
        turn = event.get("turn")
        turn = turn if isinstance(turn, int) else 0
        if event["type"] == "turn" and self.ending is None:
            self._works_on(turn)
        elif event["type"] == "idle":
            # It may have been overtaken by the first request of the next turn.
            if self.turn is None or self.turn <= turn:
                self.turn, self._working = None, False
            self._touch()

    def extend_to(self, minutes: int) -> None:
        """The session is so long from now on; the user is told."""
        if self.time:
            self.time.extend_to(minutes)
            self.notice(f"the session goes on: {left_text(self.time.remaining_s)} left")

    def poll(self, after: int) -> dict[str, Any]:
        """New notices and, once the session is over, its end."""
        ending = self.ending
        for limit in (self.time, self.idle):
            warning = limit.warning() if limit and ending is None else None
            if warning:
                self.notice(warning, "warn")
        end = asdict(ending) if ending else None
        return {"notices": [n for n in self.notices if n["id"] > after], "end": end}

    def _limited(self, minutes: int | None) -> TimeLimit | None:
        return TimeLimit(minutes, self.started, self.clock) if minutes else None

    def _works_on(self, turn: int | None) -> None:
        if turn:
            self.turn, self._working = turn, True

    def _time_up(self) -> End | None:
        if self.time and self.time.remaining_s <= 0:
            length = duration_text(self.time.minutes * 60)
            reason = f"this session's time is up ({length}); nothing is lost."
            return End("time limit", reason, self.time.minutes)
        if self._busy or self._working:
            self._touch()
        elif self.idle and self.idle.remaining_s <= 0:
            length = duration_text(self.idle.minutes * 60)
            self.end(f"this session had no request for {length}; nothing is lost.", "idle limit")
        return self._ended

    def _finishes(self, request: Request) -> bool:
        """Whether the request belongs to the turn that was under way at the end."""
        if not request.turn or request.turn != self.turn or self._over_since is None:
            return False
        return self.awake() - self._over_since <= GRACE_S

    def _touch(self) -> None:
        if self.idle:
            self.idle.touch()

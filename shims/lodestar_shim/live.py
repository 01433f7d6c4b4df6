"""The live session of this shim: its token, its notices, its end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from lodestar.clock import boot_seconds, now_ms
from lodestar.settings import Settings


@dataclass
class LiveSession:
    """State that the launcher polls. Times are seconds since boot."""

    id: str
    token: str
    settings: Settings
    started: float
    notices: list[dict[str, Any]] = field(default_factory=list)
    _warned: bool = False

    def notice(self, text: str, level: str = "info") -> None:
        """Show a line above the user's prompt."""
        # Ids rise across restarts of the shim, or the launcher would drop what it seems to know.
        newest = self.notices[-1]["id"] if self.notices else 0
        number = max(now_ms(), newest + 1)
        self.notices.append({"id": number, "level": level, "text": text})

    @property
    def remaining_s(self) -> float | None:
        """Seconds until the session's time limit, None without one."""
        minutes = self.settings.limits.session_minutes
        return None if minutes is None else self.started + minutes * 60 - boot_seconds()

    @property
    def over(self) -> bool:
        """Whether the time limit has passed."""
        remaining = self.remaining_s
        return remaining is not None and remaining <= 0

    def poll(self, after: int) -> dict[str, Any]:
        """New notices and, once the time is up, the end."""
        self._warn()
        end = {"reason": "The session's time is up; nothing is lost."} if self.over else None
        return {"notices": [n for n in self.notices if n["id"] > after], "end": end}

    def _warn(self) -> None:
        minutes, remaining = self.settings.limits.session_minutes, self.remaining_s
        if minutes is None or remaining is None or self._warned or remaining > minutes * 12:
            return
        self._warned = True
        left = "less than a minute" if remaining < 60 else f"{remaining / 60:.0f} min"
        self.notice(f"{left} of this session {'is' if remaining < 90 else 'are'} left", "warn")

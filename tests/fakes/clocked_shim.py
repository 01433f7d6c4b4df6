"""A real shim of a session with limits, whose clock a test can put forward."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.fakes.shim_client import Shim

SHIFTED = Path(__file__).with_name("shifted_shim.py")
IN_THE_FUTURE = (
    *("unshare", "--map-root-user", "--time", "--boottime", str(27 * 3600)),
    *("--fork", "--kill-child"),
)
"""A new time namespace in which the machine seems to have slept for 27 hours."""


class ClockedShim(Shim):
    """Supervised by the test; a second one with the same home goes on with its session."""

    def __init__(
        self, home: Path, limits: dict[str, Any], before: Sequence[str] = (), **spec: Any
    ) -> None:
        self._ahead = home / "ahead"
        self._ahead.write_text("0")
        path = home / "shim.json"
        if not path.exists():
            flags = {f"limits.{name}": value for name, value in limits.items()}
            path.write_text(json.dumps({**_spec(home), "flags": flags, **spec}))
        program = [sys.executable, "-I", str(SHIFTED), str(self._ahead)]
        options = ["--home", str(home), "--spec", str(path)]
        super().__init__(home, command=[*before, *program, *options])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def forward(self, hours: float) -> None:
        """Put the clock forward."""
        now = float(self._ahead.read_text())
        draft = self._ahead.with_name("draft")
        draft.write_text(str(now + 3600 * hours))
        draft.replace(self._ahead)

    def poll(self) -> dict[str, Any]:
        """What the launcher gets: notices, the end, the status line."""
        status, _, body = self.request("GET", "/lodestar/v1/poll?after=0")
        assert status == 200
        return dict(json.loads(body))

    def texts(self) -> list[str]:
        """The notices so far."""
        return [notice["text"] for notice in self.poll()["notices"]]

    def tell(self, kind: str, **fields: Any) -> None:
        """An event of the launcher."""
        event = {"id": f"{kind}{time.monotonic_ns()}", "type": kind, "ts_ms": 1, **fields}
        assert self.request("POST", "/lodestar/v1/events", {"events": [event]})[0] == 204

    def extend(self, minutes: Any) -> tuple[int, dict[str, Any]]:
        status, _, body = self.request("POST", "/lodestar/v1/extend", {"minutes": minutes})
        return status, json.loads(body)

    def ask(self, turn: int | None = None, kind: str = "edit", **body: Any) -> int:
        """The status of one request of a turn."""
        headers = {"X-Lodestar-Kind": kind, "X-Lodestar-Turn": str(turn or 0)}
        return self.chat(headers=headers, **body)[0]


def _spec(home: Path) -> dict[str, Any]:
    return {
        "session": "01SESSION",
        "token": "session-token-for-tests",
        "owner": os.getpid(),
        "folder": str(home),
        "started": time.clock_gettime(time.CLOCK_BOOTTIME),
        "awake": time.clock_gettime(time.CLOCK_MONOTONIC),
    }

"""A shim whose gate does what a test says; see gatekeeper.py."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from tests.fakes.shim_client import Shim, config

PROGRAM = Path(__file__).with_name("gated_shim.py")
DAILY = {
    "message": "the daily limit ($2.00) has no room: $1.97 used",
    "policy": "downgrade",
    "limit_source": "budget: day",
    "remedy": "lodestar budget raise 1 --until midnight",
    "details": {
        "window": "day",
        "unit": "usd",
        "limit": "2.00",
        "spent": "1.97",
        "held": "0.00",
        "resets_at": "2026-11-25T00:00+01:00",
    },
}
"""A refusal as a limit's gate words it."""


class Gated(Shim):
    """Its models: `paid` and `free` at `url`, and `local-coder`, which is free, at `free_url`."""

    def __init__(
        self,
        home: Path,
        url: str,
        free_url: str,
        patience: dict[str, float] | None = None,
        gate: dict[str, Any] | None = None,
        models: dict[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        server = {"provider": "openai", "model": "fake-model"}
        paid = {**server, "api_base": url, "billing": "payg", "price_in": 3, "price_out": 15}
        mine = {**server, "api_base": free_url, "billing": "free"}
        catalog = {
            "paid": {**paid, "tier": 3},
            "free": {**server, "api_base": url, "billing": "free"},
            "local-coder": {**mine, "label": "demo model"},
            **(models or {}),
        }
        off = {"usage_tracker": {"enabled": False}}
        once = {"retries": 0}
        rest = {"main": "free", "weak": "paid", "modules": off, "routing": once, **settings}
        config(home, json.dumps({**rest, "models": catalog}))
        self._gate = home / "gate.json"
        self._log = home / "gate.log"
        self.set(**(gate or {}))
        program = [sys.executable, "-I", str(PROGRAM), json.dumps(patience or {})]
        env = {**os.environ, "LODESTAR_HOME": str(home)}
        super().__init__(home, env=env, command=[*program, "--home", str(home)])

    def set(self, **gate: Any) -> None:
        """Let the gate do this from now on."""
        new = self._gate.with_suffix(".new")
        new.write_text(json.dumps(gate), "utf-8")
        new.replace(self._gate)

    def log(self, key: str) -> list[Any]:
        """What the gate wrote down under this key."""
        lines = self._log.read_text("utf-8").splitlines() if self._log.exists() else []
        found = [json.loads(line) for line in lines]
        return [line for line in found if key in line]

    def notices(self) -> list[dict[str, Any]]:
        """What the user is shown so far."""
        return list(self.poll()["notices"])

    def poll(self) -> dict[str, Any]:
        """What the launcher is told."""
        return dict(json.loads(self.request("GET", "/lodestar/v1/poll?after=0")[2]))

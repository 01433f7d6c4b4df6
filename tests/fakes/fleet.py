"""Several real shims that share one home, one paid provider and one limit."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import sys
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any

from lodestar.clock import now_ms
from lodestar.modules.usage_tracker import budget_log, budgets
from lodestar.modules.usage_tracker.budget_log import Key
from lodestar.modules.usage_tracker.limits import Policy
from tests.fakes.invariants import open_store
from tests.fakes.shim_client import Shim, config

PROGRAM = Path(__file__).with_name("money_shim.py")
PRICE_IN, PRICE_OUT = 3_000, 15_000
PATIENCE = {"first_s": 5, "stall_s": 0.5, "tail_s": 0.2, "drain_s": 0.5, "leave_s": 1}
TEXT = "and some words that are billed as well, every one of them, as words always are"
DAY = Key("day", "usd")
PAID: dict[str, Any] = {
    "provider": "openai", "model": "gpt-4o", "billing": "payg", "price_in": 3, "price_out": 15,
    "tier": 3,
}  # fmt: skip


def configure(home: Path, url: str, free_url: str | None = None, **limits: Any) -> None:
    """Models `paid` and `unpriced` at `url`, and `local-coder` at `free_url` if there is one."""
    unpriced = {name: PAID[name] for name in ("provider", "model", "billing", "tier")}
    models = {name: {**entry, "api_base": url} for name, entry in
              (("paid", PAID), ("unpriced", unpriced))}  # fmt: skip
    if free_url:
        free = {"provider": "openai", "model": "f", "billing": "free", "api_base": free_url}
        models["local-coder"] = free
    rest = {"main": "paid", "weak": "paid", "limits": {"wait_s": 0, **limits}}
    config(home, json.dumps({**rest, "models": models}))


def body(mode: str, cap: int, stream: bool) -> dict[str, Any]:
    """A request that the provider treats as `mode`; it may have `cap` tokens of output."""
    messages = [{"role": "user", "content": f"[[{mode}]] {TEXT}"}]
    return {"model": "paid", "messages": messages, "max_tokens": cap, "stream": stream}


class Fleet:
    """Shims by number, for the length of a `with`; each is a session of its own."""

    def __init__(
        self, home: Path, count: int, how: str = "usual", patience: Mapping[str, float] = PATIENCE
    ) -> None:
        self.home = home
        self._count = count
        self._how = how
        self._patience = json.dumps(dict(patience))
        self._shims: dict[int, Shim] = {}
        self._mutex = threading.Lock()
        self._gone: list[Shim] = []

    def __enter__(self) -> Fleet:
        try:
            with ThreadPoolExecutor(self._count) as pool:
                list(pool.map(self.start, range(self._count)))
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End every shim in order, as the end of their parent does."""
        with self._mutex:
            shims, self._shims = list(self._shims.values()), {}
        for shim in shims:
            shim.process.stdin.close()
        for shim in (*shims, *self._gone):
            shim.stop()

    def start(self, number: int) -> Shim:
        """Start a shim in this place."""
        command = [sys.executable, "-I", str(PROGRAM), self._how, self._patience]
        env = {**os.environ, "LODESTAR_HOME": str(self.home)}
        shim = Shim(self.home, env=env, command=[*command, "--home", str(self.home)])
        with self._mutex:
            self._shims[number] = shim
        return shim

    def kill(self, number: int) -> None:
        """kill -9, and another one at once."""
        with self._mutex:
            shim = self._shims.pop(number)
            self._gone.append(shim)
        shim.process.kill()
        # A process that nobody has waited for counts as alive, and so do its holds.
        shim.process.wait()
        self.start(number)

    def get(self, number: int) -> Shim | None:
        """The shim in this place, if there is one now."""
        with self._mutex:
            return self._shims.get(number)

    def all(self) -> list[Shim]:
        """Those that run now."""
        with self._mutex:
            return list(self._shims.values())

    def ask(self, number: int, mode: str, cap: int, stream: bool) -> tuple[int, dict[str, Any]]:
        """Status and error of one request; status 0 where the connection broke."""
        shim = self.get(number)
        if shim is None:
            time.sleep(0.02)
            return 0, {}
        with contextlib.suppress(OSError, http.client.HTTPException):
            path = "/v1/chat/completions"
            status, _, answer = shim.request("POST", path, body(mode, cap, stream))
            return status, dict(json.loads(answer)["error"]) if status >= 400 else {}
        return 0, {}


def set_daily(home: Path, nano: int, policy: Policy = "ask") -> None:
    """`lodestar budget set --daily`, in the same way as that command does it."""
    with open_store(home) as store, store.write() as connection:
        change = budget_log.begin(connection, "test", None, now_ms())
        budgets.set_limit(change, DAY, nano, policy)

"""The shim as `lodestar shim serve` runs it: token, budgets, ledger and log, all on."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import lodestar
from tests.bench.gateways.measure import Address
from tests.bench.gateways.targets import Running, clean_environment, server

# Wide enough for every request of a run, so that each is checked and none refused.
LIMITS = {f"{window}_usd": 100_000 for window in ("session", "daily", "weekly", "monthly")}
ANOTHER_TREE = "import runpy, sys; sys.path[:0] = sys.argv.pop(1).split(','); "
ANOTHER_TREE += "runpy.run_module('lodestar_shim', run_name='__main__', alter_sys=True)"
PRICED = {"billing": "payg", "price_in": "3", "price_out": "15", "max_output": 1000}


class Lodestar:
    """A model that costs nothing: recorded, without money to hold."""

    name = "lodestar-free"
    label = "Lodestar, free model"
    slow = False
    entry: ClassVar[dict[str, Any]] = {"billing": "free"}

    def __init__(self, tree: Path | None = None) -> None:
        """`tree` is a copy of the repository at another commit, to be measured beside this one."""
        self._tree = tree
        if tree:
            self.name += "-before"
            self.label += f" ({tree.name})"

    def version(self) -> str:
        """Ours."""
        return f"lodestar {lodestar.__version__}"

    def _program(self) -> list[str]:
        if self._tree is None:
            return ["-m", "lodestar_shim"]
        return ["-c", ANOTHER_TREE, f"{self._tree},{self._tree / 'shims'}"]

    @contextmanager
    def running(self, upstream: int, folder: Path) -> Iterator[Running]:
        """A shim with a home and a database of its own."""
        home = folder / "home"
        self._configure(home, upstream)
        command = [sys.executable, "-I", *self._program(), "--home", str(home)]
        environment = clean_environment(folder, LODESTAR_HOME=str(home))
        with server(command, folder, lambda: _address(folder / "out"), environment) as running:
            yield running

    def _configure(self, home: Path, upstream: int) -> None:
        home.mkdir(mode=0o700)
        url = f"http://127.0.0.1:{upstream}/v1"
        entry = {"provider": "openai", "model": "bench", "api_base": url, **self.entry}
        settings = {"main": "bench", "weak": "bench", "limits": LIMITS, "models": {"bench": entry}}
        (home / "config.yaml").write_text(json.dumps(settings), "utf-8")


class Paid(Lodestar):
    """A model with a price: held before the call, settled after it, both durable."""

    name = "lodestar-paid"
    label = "Lodestar, paid model"
    entry = PRICED


def _address(out: Path) -> Address | None:
    line = out.read_bytes()
    if not line.endswith(b"\n"):
        return None
    ready = json.loads(line)
    return Address(ready["port"], headers={"Authorization": f"Bearer {ready['token']}"})

"""What is measured. Each target starts its server and says how to ask it."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.bench.gateways.measure import Address, Tree, load
from tests.environments import NotHereError

LISTEN_S = 240  # a busy machine takes this long to import the slowest of them
REFUSE_S = 15  # some listen before they can answer
# Called until it knows: a server may choose its port and its token itself.
Find = Callable[[], "Address | None"]


@dataclass(frozen=True)
class Running:
    """A server that has answered once."""

    address: Address
    tree: Tree
    ready_s: float | None = None


class Target(Protocol):
    """One thing to measure."""

    name: str
    label: str
    slow: bool  # it gets fewer requests: it would take hours

    def version(self) -> str:
        """What is measured; makes its environment on first use."""

    def running(self, upstream: int, folder: Path) -> AbstractContextManager[Running]:
        """Serve until left. `folder` is empty and its own."""


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def clean_environment(folder: Path, **more: str) -> dict[str, str]:
    """No keys, proxies or settings of the caller's; a home of its own."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return {**kept, "HOME": str(folder), "NO_PROXY": "*", **more}


@contextmanager
def server(
    command: Sequence[str], folder: Path, find: Find, environment: Mapping[str, str]
) -> Iterator[Running]:
    """Start it, wait for its first answer, end it; what it says is in `out` and `log`."""
    with (folder / "out").open("wb") as out, (folder / "log").open("wb") as log:
        started = time.perf_counter()
        process = subprocess.Popen(
            list(command), cwd=folder, env=dict(environment),
            stdin=subprocess.PIPE, stdout=out, stderr=log,
        )  # fmt: skip
        try:
            address = _wait_until_it_answers(process, find, folder)
            yield Running(address, Tree(process.pid), time.perf_counter() - started)
        finally:
            _stop(process)


def _wait_until_it_answers(process: subprocess.Popen[bytes], find: Find, folder: Path) -> Address:
    why, deadline = "it did not listen", time.monotonic() + LISTEN_S
    refused = False
    while time.monotonic() < deadline and process.poll() is None:
        address = find()
        try:
            if address:
                socket.create_connection(("127.0.0.1", address.port), 1).close()
                load(address, "plain", 1, 1)
                return address
        except OSError:
            pass
        except RuntimeError as error:
            why = str(error)
            deadline = deadline if refused else time.monotonic() + REFUSE_S
            refused = True
        time.sleep(0.01)
    said = "".join((folder / name).read_text("utf-8", "replace") for name in ("out", "log"))
    raise NotHereError(f"no answer ({why}); it said:\n{said[-2000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.stdin.close()
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(20)

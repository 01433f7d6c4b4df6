"""The run: who is started, who is asked what in which order, and what is kept of it."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.gateways.measure import load, observe
from tests.bench.gateways.targets import Running, Target
from tests.environments import NotHereError


@dataclass(frozen=True)
class Stage:
    """One kind of load. `few` is how many requests those get that take long for each."""

    name: str
    kind: str
    connections: int
    count: int
    few: int


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    rounds: int
    starts: int
    stages: Sequence[Stage]
    memory: int
    memory_few: int
    warm: int
    warm_few: int


def sizes(rounds: int, scale: float, memory: int, memory_few: int, starts: int) -> Sizes:
    """`scale` 1 is the full run."""
    stages = [
        Stage("c1", "plain", 1, 400, 60),
        Stage("c16", "plain", 16, 960, 96),
        Stage("c32", "plain", 32, 1920, 160),
        Stage("first", "first", 1, 60, 20),
        Stage("burst", "burst", 1, 30, 8),
        Stage("paced", "paced", 1, 5, 2),
    ]
    scaled = [
        Stage(one.name, one.kind, one.connections, _part(one.count, scale), _part(one.few, scale))
        for one in stages
    ]
    warm, warm_few = _part(200, scale), _part(40, scale)
    return Sizes(rounds, starts, scaled, memory, memory_few, warm, warm_few)


def _part(count: int, scale: float) -> int:
    return max(2, round(count * scale))


def measure(targets: Sequence[Target], upstream: int, wanted: Sizes) -> dict[str, Any]:
    """Everything, raw: starts, rounds and memory by the targets' names; who is left out and why."""
    skipped: dict[str, str] = {}
    versions = dict(_versions(targets, skipped))
    present = [target for target in targets if target.name in versions]
    starts = _starts(present, upstream, wanted.starts - 1, skipped)
    with ExitStack() as stack:
        servers: dict[str, Running] = {}
        for target in [one for one in present if one.name not in skipped]:
            try:
                servers[target.name] = stack.enter_context(_up(target, upstream))
            except NotHereError as error:
                _skip(target, error, skipped)
        for name, server in servers.items():
            starts.setdefault(name, []).append(server.ready_s)
        slow = {target.name for target in present if target.slow}
        idle = {name: server.tree.pss_mb() for name, server in servers.items()}
        _warm(servers, slow, wanted)
        rounds = [_round(n, wanted, servers, slow) for n in range(wanted.rounds)]
        memory = _memory(servers, slow, wanted, idle)
    return {
        "versions": versions, "skipped": skipped, "ready_s": starts,
        "rounds": rounds, "memory_mb": memory,
    }  # fmt: skip


def _versions(targets: Sequence[Target], skipped: dict[str, str]) -> Iterator[tuple[str, str]]:
    for target in targets:
        try:
            yield target.name, target.version()
        except NotHereError as error:
            _skip(target, error, skipped)


def _skip(target: Target, error: NotHereError, skipped: dict[str, str]) -> None:
    skipped[target.name] = str(error)
    print(f"skipped: {target.label}: {error}", flush=True)


@contextmanager
def _up(target: Target, upstream: int) -> Iterator[Running]:
    """The target, serving, in an empty folder of its own."""
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        target.running(upstream, Path(folder)) as server,
    ):
        yield server


def _starts(
    targets: Sequence[Target], upstream: int, times: int, skipped: dict[str, str]
) -> dict[str, list[float | None]]:
    """Seconds from start to first answer, with nothing else running."""
    found: dict[str, list[float | None]] = {}
    for _ in range(times):
        for target in random.sample(list(targets), len(targets)):
            if target.name in skipped:
                continue
            try:
                with _up(target, upstream) as server:
                    found.setdefault(target.name, []).append(server.ready_s)
            except NotHereError as error:
                _skip(target, error, skipped)
    return found


def _warm(servers: Mapping[str, Running], slow: set[str], wanted: Sizes) -> None:
    """The first requests import, compile and fill caches; that is counted nowhere."""
    for name, server in servers.items():
        for kind in ("plain", "burst"):
            load(server.address, kind, 4, wanted.warm_few if name in slow else wanted.warm)


def _round(
    number: int, wanted: Sizes, servers: Mapping[str, Running], slow: set[str]
) -> dict[str, Any]:
    """Each stage for all targets in a new order, so that what the machine does hits all alike."""
    print(f"round {number + 1} of {wanted.rounds}", flush=True)
    stages: dict[str, Any] = {}
    for stage in wanted.stages:
        stages[stage.name] = {}
        for name in random.sample(list(servers), len(servers)):
            server, count = servers[name], stage.few if name in slow else stage.count
            load(server.address, stage.kind, stage.connections, 2 * stage.connections)
            seen = observe(server.address, server.tree, stage.kind, stage.connections, count)
            stages[stage.name][name] = seen
    return stages


def _memory(
    servers: Mapping[str, Running], slow: set[str], wanted: Sizes, idle: Mapping[str, float]
) -> dict[str, dict[str, Any]]:
    """Proportional memory when just started, and as the requests go by."""
    ours = {name for name in servers if name.startswith("lodestar")}
    found = {}
    for name, server in servers.items():
        if name == "direct":
            continue
        total = wanted.memory if name in ours else wanted.memory_few
        print(f"memory over {total} requests: {name}", flush=True)
        steps, series = 10, [server.tree.pss_mb()]
        for _ in range(steps):
            load(server.address, "plain", 16, max(1, total // steps))
            series.append(server.tree.pss_mb())
        server.tree.settle()
        found[name] = {"idle": idle[name], "requests": total, "series": series,
                       "after": server.tree.pss_mb()}  # fmt: skip
    return found

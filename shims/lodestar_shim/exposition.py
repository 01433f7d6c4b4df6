"""The counts in Prometheus's text format, version 0.0.4."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import accumulate
from pathlib import Path

from lodestar import __version__
from lodestar_shim.metrics import TOKENS, Histogram, Metrics

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
Sample = tuple[Mapping[str, str], float]


def exposition(metrics: Metrics, in_flight: int) -> str:
    """The whole page."""
    lines = [*_counts(metrics), *_times(metrics), *_now(metrics, in_flight)]
    return "\n".join(lines) + "\n"


def _counts(m: Metrics) -> Iterator[str]:
    tokens = {
        (alias, name): count
        for alias, counts in m.tokens.items()
        for name, count in zip(TOKENS, counts, strict=True)
    }
    for name, text, labels, counts in (
        (
            "requests",
            "Requests that are over, by the alias asked for.",
            ("alias", "kind", "status"),
            m.requests,
        ),
        ("attempts", "Calls to upstreams, by the alias called.", ("alias", "status"), m.attempts),
        ("retries", "Calls to the same alias again.", ("alias",), _keyed(m.retries)),
        (
            "fallbacks",
            "Calls to another alias, because one failed or was refused.",
            ("from", "to"),
            m.fallbacks,
        ),
        (
            "tokens",
            "Tokens as providers count them, else estimated; input includes the cached ones.",
            ("alias", "type"),
            tokens,
        ),
        ("cash_nanodollars", "Billionths of a US dollar charged.", ("alias",), _keyed(m.cash)),
    ):
        samples = [(dict(zip(labels, key, strict=True)), n) for key, n in counts.items()]
        yield from _family(f"lodestar_{name}_total", "counter", text, samples)


def _keyed(counts: Mapping[str, int]) -> Mapping[tuple[str, ...], int]:
    return {(alias,): count for alias, count in counts.items()}


def _times(m: Metrics) -> Iterator[str]:
    yield from _histograms(
        "lodestar_request_duration_seconds",
        "From a request, read whole, to the end of its answer and its record.",
        [({"alias": alias}, found) for alias, found in m.duration.items()],
    )
    yield from _histograms(
        "lodestar_first_token_seconds",
        "From calling an upstream to the first event of its answer.",
        [({"alias": alias}, found) for alias, found in m.first_token.items()],
    )
    yield from _histograms(
        "lodestar_overhead_seconds",
        "The part of a request's duration outside its call to an upstream, where there was one.",
        [({"path": path}, found) for path, found in m.overhead.items()],
    )
    yield from _histograms(
        "lodestar_hold_wait_seconds",
        "From asking for a paid call's money to having it held.",
        [({}, m.hold_wait)],
    )


def _now(m: Metrics, in_flight: int) -> Iterator[str]:
    for name, kind, text, value in (
        ("lodestar_requests_in_flight", "gauge", "Requests that run now.", in_flight),
        ("process_cpu_seconds_total", "counter", "CPU time used.", time.process_time()),
        ("process_start_time_seconds", "gauge", "Start, in Unix time.", m.started),
        ("process_max_fds", "gauge", "Descriptors that may be open.", _most_descriptors()),
        ("process_open_fds", "gauge", "Open descriptors.", _descriptors()),
        ("process_resident_memory_bytes", "gauge", "Memory in use.", _memory()),
    ):
        if value is not None:
            yield from _family(name, kind, text, [({}, value)])
    version = [({"version": __version__}, 1.0)]
    yield from _family("lodestar_build_info", "gauge", "What runs here.", version)


def _family(name: str, kind: str, text: str, samples: Iterable[Sample]) -> Iterator[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {kind}"
    for labels, value in samples:
        yield _sample(name, labels, value)


def _histograms(
    name: str, text: str, found: Iterable[tuple[Mapping[str, str], Histogram]]
) -> Iterator[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} histogram"
    for labels, histogram in found:
        bounds = (*map(_number, histogram.bounds), "+Inf")
        so_far = list(accumulate(histogram.counts))
        for bound, count in zip(bounds, so_far, strict=True):
            yield _sample(f"{name}_bucket", {**labels, "le": bound}, count)
        yield _sample(f"{name}_sum", labels, histogram.sum)
        yield _sample(f"{name}_count", labels, so_far[-1])


def _sample(name: str, labels: Mapping[str, str], value: float) -> str:
    shown = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    return f"{name}{{{shown}}} {_number(value)}" if shown else f"{name} {_number(value)}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    """Whole numbers whole: a float would round what is spent."""
    return str(value) if isinstance(value, int) else repr(float(value))


def _memory() -> int | None:
    with suppress(OSError, ValueError, IndexError):
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
        return pages * resource.getpagesize()
    return None


def _descriptors() -> int | None:
    with suppress(OSError):
        # Without the one that looks.
        return len(os.listdir("/proc/self/fd")) - 1
    return None


def _most_descriptors() -> int | None:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return None if most == resource.RLIM_INFINITY else most

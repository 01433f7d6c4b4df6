"""The figures of a run as tables, with the targets beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Figures = Mapping[str, Mapping[str, Any]]
NONE = "–"


@dataclass(frozen=True)
class Column:
    """One figure: how it is headed and written."""

    title: str
    text: Callable[[Mapping[str, Any]], str]


def _plain(title: str, key: str, digits: int) -> Column:
    return Column(title, lambda one: f"{one[key]:,.{digits}f}" if key in one else NONE)


def _three(title: str, form: str, digits: int) -> Column:
    def text(one: Mapping[str, Any]) -> str:
        return " / ".join(f"{one[form.format(percent)]:.{digits}f}" for percent in (50, 95, 99))

    return Column(title, text)


def _share(title: str, what: str) -> Column:
    return Column(title, lambda one: f"{one['late'][what] * 100:.2f} %")


ANSWERS = [
    _three("added p50 / p95 / p99 ms, 1 at a time", "c1_p{}_ms", 3),
    _three("16 at a time", "c16_p{}_ms", 2),
    _plain("requests/s, 32 at a time", "per_s", 0),
    _plain("CPU µs a request", "cpu_us", 0),
    _plain("32 at a time", "cpu_full_us", 0),
]
STREAMS = [
    _plain("first token, added p50 ms", "first_p50_ms", 2),
    _three("paced chunk, added p50 / p95 / p99 µs", "chunk_p{}_us", 0),
    _plain("200 chunks at once, added ms", "burst_ms", 2),
    _plain("CPU µs a chunk, at once", "chunk_cpu_us", 1),
    _plain("paced", "paced_cpu_us", 0),
]
REST = [
    _plain("start to first answer, s", "ready_s", 2),
    _plain("memory MB, just started", "idle_mb", 0),
    _plain("after so many requests", "after_mb", 0),
    _plain("requests", "requests", 0),
]
LATE = [
    _share("answers 30 ms over direct", "answers"),
    _share("first tokens", "first tokens"),
    _share("streams of 200 chunks", "streams"),
    _share("paced chunks", "chunks"),
]
# What is worse when it is more; requests a second are turned round.
RATIOS = {
    "added p50, 1 at a time": "c1_p50_ms",
    "added p50, 16 at a time": "c16_p50_ms",
    "requests/s": "per_s",
    "CPU a request": "cpu_us",
    "CPU a chunk": "chunk_cpu_us",
    "first token": "first_p50_ms",
    "memory": "after_mb",
    "start": "ready_s",
}


def table(labels: Mapping[str, str], figures: Figures, columns: Sequence[Column]) -> str:
    """One row a target."""
    rows = [["", *(column.title for column in columns)]]
    rows += [[labels[name], *(column.text(one) for column in columns)]
             for name, one in figures.items()]  # fmt: skip
    return _markdown(rows)


def ratios(labels: Mapping[str, str], figures: Figures, ours: str) -> str:
    """How many times our figure each of the others has."""
    others = [name for name in figures if not name.startswith(("direct", "lodestar"))]
    rows = [[f"times ours ({labels[ours]})", *RATIOS]]
    for name in others:
        texts = [_ratio(figures[name][key], figures[ours][key], key) for key in RATIOS.values()]
        rows.append([labels[name], *texts])
    return _markdown(rows)


def _ratio(other: float, ours: float, key: str) -> str:
    if key == "per_s":
        other, ours = ours, other
    return f"{other / ours:.1f}" if ours > 0 else NONE


def verdicts(figures: Figures) -> Iterator[tuple[str, str, bool]]:
    """(target, what was seen, met), of those that this run can judge."""
    ours, paid = figures.get("lodestar-free"), figures.get("lodestar-paid")
    tensorzero, litellm = figures.get("tensorzero"), figures.get("litellm")
    if ours and tensorzero:
        us, them = ours["c1_p50_ms"], tensorzero["c1_p50_ms"]
        yield "free path: added p50 at most TensorZero's", f"{us:.3f} to {them:.3f} ms", us <= them
    if paid:
        seen = paid["c1_p50_ms"]
        yield "paid path, two durable commits: added p50 at most 1 ms", f"{seen:.2f} ms", seen <= 1
    for label, one in (("free", ours), ("paid", paid)):
        if one and litellm:
            ratio = litellm["cpu_us"] / one["cpu_us"]
            name = f"CPU a request, {label}: at most 1/20 of LiteLLM's (reaching for 1/30)"
            yield name, f"1/{ratio:.1f}", ratio >= 20
        if one:
            worst = max(one["late"].values())
            name = f"no 40 ms tail, {label}: at most 0.5 % of anything 30 ms over direct"
            yield name, f"{worst * 100:.2f} %", worst <= 0.005


def judged(figures: Figures) -> str:
    """The targets as a table."""
    rows = [["target", "seen", ""]]
    rows += [[what, seen, "met" if met else "missed"] for what, seen, met in verdicts(figures)]
    return _markdown(rows)


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


def everything(labels: Mapping[str, str], figures: Figures) -> str:
    """All tables of a run."""
    served = {name: one for name, one in figures.items() if name != "direct"}
    parts = [table(labels, figures, columns) for columns in (ANSWERS, STREAMS)]
    parts += [table(labels, served, columns) for columns in (LATE, REST)]
    if "lodestar-free" in figures and len(served) > 2:
        parts.append(ratios(labels, figures, "lodestar-free"))
    return "\n\n".join([*parts, judged(figures)])

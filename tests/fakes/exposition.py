"""A strict reader of Prometheus's text format, version 0.0.4: any slip is an error."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

Labels = frozenset[tuple[str, str]]
_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(,|\Z)')
_HELP = re.compile(rf"# HELP ({_NAME}) ((?:[^\\]|\\\\|\\n)*)")
_TYPE = re.compile(rf"# TYPE ({_NAME}) (counter|gauge|histogram)")
_SAMPLE = re.compile(rf"({_NAME})(?:\{{(.+)\}})? (\S+)")
_VALUE = re.compile(r"[+-]?(\d+(\.\d+)?([eE][+-]?\d+)?|Inf)|NaN")
_ESCAPED = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


@dataclass
class Family:
    """One metric: its samples by name and labels."""

    kind: str
    samples: dict[tuple[str, Labels], float] = field(default_factory=dict)

    def value(self, suffix: str = "", **labels: str) -> float:
        """The one sample with exactly these labels."""
        (found,) = [
            value
            for (name, given), value in self.samples.items()
            if name.endswith(suffix) and given == frozenset(labels.items())
        ]
        return found


def parse(text: str) -> dict[str, Family]:
    """The families of a page, by name. Raises ValueError."""
    families: dict[str, Family] = {}
    lines = text.split("\n")
    _check(lines.pop() == "", "the last line does not end")
    current, helped = "", ""
    for line in lines:
        if found := _HELP.fullmatch(line):
            helped = found[1]
            _check(helped not in families, f"{helped} comes twice")
        elif found := _TYPE.fullmatch(line):
            current = found[1]
            _check(current == helped and current not in families, f"TYPE of {current}")
            families[current] = Family(found[2])
        else:
            _sample(families.get(current), current, line)
    for name, family in families.items():
        _check_family(name, family)
    return families


def _sample(family: Family | None, name: str, line: str) -> None:
    found = _SAMPLE.fullmatch(line)
    if found is None or family is None:
        raise ValueError(f"not a sample of a known metric: {line!r}")
    suffixes = ("_bucket", "_sum", "_count") if family.kind == "histogram" else ("",)
    _check(found[1] in {name + suffix for suffix in suffixes}, f"{found[1]} within {name}")
    _check(_VALUE.fullmatch(found[3]) is not None, f"the value of {line!r}")
    labels = list(_labels(found[2] or ""))
    key = found[1], frozenset(labels)
    _check(len(dict(labels)) == len(labels) and key not in family.samples, f"twice: {line!r}")
    family.samples[key] = float(found[3])


def _labels(text: str) -> Iterator[tuple[str, str]]:
    place = 0
    while place < len(text):
        found = _LABEL.match(text, place)
        if found is None:
            raise ValueError(f"labels: {text!r}")
        yield found[1], re.sub(r'\\\\|\\"|\\n', lambda mark: _ESCAPED[mark[0]], found[2])
        place = found.end()


def _check_family(name: str, family: Family) -> None:
    if family.kind == "counter":
        _check(all(value >= 0 for value in family.samples.values()), f"{name} is below 0")
    if family.kind == "histogram":
        series = {_without_le(labels) for _, labels in family.samples}
        for labels in series:
            _check_histogram(name, family, labels)


def _check_histogram(name: str, family: Family, labels: Labels) -> None:
    buckets = sorted(
        (float(dict(given)["le"]), value)
        for (sample, given), value in family.samples.items()
        if sample == f"{name}_bucket" and _without_le(given) == labels
    )
    counts = [count for _, count in buckets]
    _check(counts == sorted(counts) and bool(counts), f"{name} does not accumulate")
    _check(buckets[-1][0] == math.inf, f"{name} has no bucket without an end")
    _check(counts[-1] == family.samples[f"{name}_count", labels], f"the count of {name}")
    _check((f"{name}_sum", labels) in family.samples, f"{name} has no sum")


def _without_le(labels: Labels) -> Labels:
    return frozenset(pair for pair in labels if pair[0] != "le")


def _check(is_so: bool, what: str) -> None:
    if not is_so:
        raise ValueError(what)

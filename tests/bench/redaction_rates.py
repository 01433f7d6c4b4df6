"""How much redaction finds, and how often it is wrong: `python -m tests.bench.redaction_rates`.

Needs no network. Prints, over all kinds of secrets in all contexts, the share that was found;
over the standard library and the installed packages, lines changed in 1000; and its speed.
"""

from __future__ import annotations

import sysconfig
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from lodestar.redaction import Redactor
from tests.core.secret_corpus import cases, heart

SEEDS = 20


def recall(clean: Callable[[str], str], seeds: Iterable[int]) -> tuple[Counter[str], Counter[str]]:
    """(tried, missed) by kind and context."""
    tried: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    for seed in seeds:
        for kind, context, secret, text in cases(seed):
            name = f"{kind} / {context}"
            tried[name] += 1
            missed[name] += heart(secret) in clean(text)
    return tried, missed


def changed_lines(clean: Callable[[str], str], files: Iterable[Path]) -> tuple[int, int]:
    """(lines, changed lines) of source files that hold no secrets."""
    lines = changed = 0
    for path in files:
        before = path.read_text("utf-8", "replace").split("\n")
        after = clean("\n".join(before)).split("\n")
        lines += len(before)
        changed += sum(old != new for old, new in zip(before, after, strict=False))
    return lines, changed


def standard_library() -> list[Path]:
    """The modules of Python itself, its tests (which hold made-up keys) left out."""
    return sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))


def main() -> None:
    """Print the figures."""
    redactor = Redactor(["a-secret-that-is-not-there"])
    tried, missed = recall(redactor.text, range(SEEDS))
    total = sum(tried.values())
    print(f"recall: {100 * (1 - sum(missed.values()) / total):.1f} % of {total}")
    for name in sorted(name for name in missed if missed[name]):
        print(f"  missed {missed[name]} of {tried[name]}: {name}")
    packages = sorted(Path(sysconfig.get_path("purelib")).glob("a*/**/*.py"))
    for what, files in (("standard library", standard_library()), ("packages a*", packages)):
        start = time.process_time()
        lines, changed = changed_lines(redactor.text, files)
        took = time.process_time() - start
        size = sum(path.stat().st_size for path in files)
        print(f"{what}: {1000 * changed / lines:.3f} of 1000 lines changed ({changed} of {lines})")
        print(f"  {size / took / 1e6:.1f} MB/s")


if __name__ == "__main__":
    main()

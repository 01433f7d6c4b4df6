"""The two programs that must cost as little as possible: a fake upstream and a load generator."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import environments

BUILD = environments.BUILD / "bench"
ENVIRONMENTS = BUILD / "environments"


def program(name: str) -> Path:
    """The path of the compiled program; compiled when its source is new."""
    source = Path(__file__).with_name(f"{name}.c")
    digest = hashlib.sha256(source.read_bytes()).hexdigest()[:12]
    target = BUILD / "native" / f"{name}-{digest}"
    if not target.exists():
        _compile(source, target)
    return target


def _compile(source: Path, target: Path) -> None:
    compiler = os.environ.get("CC") or shutil.which("cc")
    if compiler is None:
        sys.exit("the bench needs a C compiler\nnone is in PATH\ninstall gcc or set CC")
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f"{target.name}.{os.getpid()}")
    subprocess.run([*compiler.split(), "-O2", "-o", str(fresh), str(source)], check=True)
    fresh.rename(target)


@contextmanager
def fake_upstream() -> Iterator[int]:
    """A fake upstream of its own; its port."""
    command = [str(program("fake_upstream"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()
            process.wait(10)

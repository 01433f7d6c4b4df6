"""Environments of other programs, for what is measured or tried beside ours.

They are made on first use and kept under build/, which git ignores. Ours stays as it is. Each
package is named with its exact version.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

BUILD = Path(__file__).parents[1] / "build"
# Both were published by whoever had stolen litellm's key to the package index (PYSEC-2026-2).
NEVER = {"litellm==1.82.7", "litellm==1.82.8"}


class NotHereError(Exception):
    """It cannot be had on this machine; the text says why."""


def python_environment(folder: Path, requirements: Sequence[str]) -> Path:
    """The interpreter of a virtual environment that has these packages."""
    wanted = {item.replace("[proxy]", "") for item in requirements}
    if wanted & NEVER or not all("==" in item for item in wanted):
        raise ValueError(f"not to be installed: {', '.join(requirements)}")
    python = folder / "bin" / "python"

    def make() -> None:
        _run([sys.executable, "-m", "venv", str(folder)])
        pip = [str(python), "-m", "pip", "install", "--quiet", "--retries", "1"]
        _run([*pip, *requirements])

    _once(folder, make)
    return python


def node_environment(folder: Path, package: str) -> Path:
    """A folder whose node_modules holds this package, of an exact version."""
    need("node")
    npm = need("npm")

    def make() -> None:
        folder.mkdir(parents=True)
        _run([npm, "install", "--no-audit", "--no-fund", "--prefix", str(folder), package])

    _once(folder, make)
    return folder


def need(program: str) -> str:
    """The path of a program."""
    path = shutil.which(program)
    if path is None:
        raise NotHereError(f"{program} is not in PATH")
    return path


def _once(folder: Path, make: Callable[[], None]) -> None:
    """What is half made, because something ended it, is made anew."""
    with _alone(folder):
        if (folder / "installed").exists():
            return
        print(f"making {folder} ...", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        make()
        (folder / "installed").touch()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(list(command), capture_output=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
        raise NotHereError(f"`{' '.join(command[:4])} ...` failed: {said[-1] if said else ''}")

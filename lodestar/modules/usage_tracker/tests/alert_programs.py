"""Programs that alerts are given to in tests."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any


def program(folder: Path, name: str, body: str) -> Path:
    """An executable Python script; `out` is the file that it writes to."""
    path, out = folder / name, folder / f"{name}.out"
    text = (
        f"#!{sys.executable} -I\nimport json, os, signal, sys, time\nout = {str(out)!r}\n{body}\n"
    )
    path.write_text(text, "utf-8")
    path.chmod(0o755)
    return path


def recorder(folder: Path, name: str = "recorder") -> Path:
    """Writes down all that it is given; its output is noise."""
    return program(
        folder,
        name,
        "print('noise ' * 100_000, flush=True)\n"
        "found = {'stdin': sys.stdin.read(), 'argv': sys.argv[1:], 'env': dict(os.environ),\n"
        "    'cwd': os.getcwd(), 'group': os.getpgid(0) == os.getpid(),\n"
        "    'session': os.getsid(0) == os.getpid()}\n"
        "open(out + '.new', 'w').write(json.dumps(found) + '\\n')\n"
        "os.rename(out + '.new', out)",
    )


def hanging(folder: Path) -> Path:
    """Ignores SIGTERM, and so does its child; writes down both pids."""
    return program(
        folder,
        "hanging",
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = os.fork()\n"
        "if child:\n"
        "    open(out + '.new', 'w').write(f'{os.getpid()} {child}')\n"
        "    os.rename(out + '.new', out)\n"
        "time.sleep(600)",
    )


def written(path: Path) -> Any:
    """What the recorder wrote down, None before."""
    out = path.with_name(f"{path.name}.out")
    return json.loads(out.read_text("utf-8")) if out.exists() else None


def pids(path: Path) -> list[int]:
    """Of the hanging program and its child, once they run."""
    out = path.with_name(f"{path.name}.out")
    return [int(pid) for pid in out.read_text("ascii").split()] if out.exists() else []


def path_with(folder: Path) -> str:
    """A PATH on which the folder comes first."""
    return f"{folder}{os.pathsep}{os.environ['PATH']}"

"""`lodestar shim logs`: the last lines of the shims' log, and those that follow."""

from __future__ import annotations

import os
import re
import sys
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, TextIO

import typer

from lodestar.cli.output import note
from lodestar.cli.shim_status import OnPort
from lodestar.terminal import printable

LOOK_S = 0.2
_ENTRY = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (\d+) ")


def logs(
    port: OnPort = None,
    lines: Annotated[int, typer.Option("-n", "--lines", min=0, help="So many.")] = 50,
    follow: Annotated[
        bool, typer.Option("-f", "--follow", help="Go on with new ones until Ctrl-C.")
    ] = False,
) -> None:
    """Show what the shims of this home wrote to their log.

    The shims of `lodestar code` write there, too; each line has its process id, and --port
    shows one shim alone. Single requests are in `lodestar log`.

    Example: lodestar shim logs --lines 20
    """
    from lodestar.paths import lodestar_home
    from lodestar.supervisor.alone import running

    home = lodestar_home()
    pid = next((alone.pid for alone in running(home, port)), 0) if port else None
    path = home.root / "logs" / "shim.log"
    chosen = _Chosen(pid)
    place = 0
    if path.is_file():
        with path.open(encoding="utf-8", errors="replace") as file:
            _show(deque(filter(chosen, file), maxlen=lines))
            place = file.tell()
    elif not follow:
        note(f"there is no log yet: {path}")
    if follow:
        for line in _following(path, place):
            if chosen(line):
                _show([line])


class _Chosen:
    """Whether a line is one process's own; those without a process id go on with an entry."""

    def __init__(self, pid: int | None) -> None:
        self._pid = pid
        self._inside = False

    def __call__(self, line: str) -> bool:
        if self._pid is None:
            return True
        entry = _ENTRY.match(line)
        if entry:
            self._inside = int(entry[1]) == self._pid
        return self._inside


def _show(lines: Iterator[str] | deque[str] | list[str]) -> None:
    for line in lines:
        print(printable(line.rstrip("\n")))
    sys.stdout.flush()


def _following(path: Path, place: int) -> Iterator[str]:
    """Whole lines as they are written, also where another file takes the log's place."""
    file: TextIO | None = None
    rest = ""
    while True:
        if file is None and path.is_file():
            file = path.open(encoding="utf-8", errors="replace")
            file.seek(min(place, os.fstat(file.fileno()).st_size))
        elif file is not None and _replaced(path, file):
            file.close()
            file, place = None, 0
            continue
        rest += file.read() if file else ""
        *whole, rest = rest.split("\n")
        yield from whole
        if not whole:
            time.sleep(LOOK_S)


def _replaced(path: Path, file: TextIO) -> bool:
    try:
        now, then = path.stat(), os.fstat(file.fileno())
    except FileNotFoundError:
        return False
    return (now.st_dev, now.st_ino) != (then.st_dev, then.st_ino) or now.st_size < file.tell()

"""The embedded engine: asked how it is, and ended where it hangs, so that it is started anew."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from lodestar.clock import now_ms
from lodestar.engine_client import health
from lodestar.errors import LodestarError
from lodestar.modules.health_monitor.samples import Probe
from lodestar.modules.health_monitor.servers import ENGINE
from lodestar.paths import Home, engine_socket
from lodestar.store.processes import STARTED, stat_field

ANSWER_S = 10.0
SILENT = 3
"""So many silent probes in a row, a minute apart, and no answer to a request in between."""


class EngineWatch:
    """Remembers since when the engine is silent, and which process that was."""

    def __init__(self, home: Home, answer_s: float = ANSWER_S) -> None:
        self._home = home
        self._answer_s = answer_s
        self._silent = 0
        self._suspects: frozenset[tuple[int, str]] = frozenset()

    def heard(self) -> None:
        """It answered somebody: it does not hang."""
        self._silent = 0

    def probe(self) -> Probe | None:
        """Ask it; None where none runs, which is as it should be: it starts with a request."""
        began, problem = now_ms(), None
        try:
            if health(engine_socket(self._home.root), self._answer_s) is None:
                self.heard()
                return None
        except LodestarError as error:
            problem = error.why
        moment = now_ms()
        if problem is None:
            self.heard()
        else:
            self._silent += 1
            alive = frozenset(_engines(self._home))
            # One that came since then has not been silent for so long.
            self._suspects = alive if self._silent == 1 else self._suspects & alive
        return Probe(ENGINE, ENGINE, problem is None, moment, max(0, moment - began), problem)

    def heal(self) -> str | None:
        """End an engine that hangs: the next request starts another. What was done, or None."""
        if self._silent < SILENT or not self._suspects:
            return None
        for pid, _ in self._suspects:
            with suppress(ProcessLookupError, PermissionError):
                # It is past asking: it may even be stopped.
                os.kill(pid, signal.SIGKILL)
        pids = ", ".join(str(pid) for pid, _ in sorted(self._suspects))
        self._silent, self._suspects = 0, frozenset()
        return f"the engine (pid {pids}) hung and was ended; the next request starts it again"


def _engines(home: Home) -> Iterator[tuple[int, str]]:
    """Our engine processes of this home, each with when it began."""
    wanted = os.fsencode(home.root)
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (folder / "cmdline").read_bytes().split(b"\0")
            named = words[words.index(b"--home") + 1] if b"--home" in words else b""
            if b"lodestar_engine" in words and named == wanted:
                yield int(folder.name), stat_field(int(folder.name), STARTED)

"""Aider imported once and forked for each run, where many runs are needed: an import takes long."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from tests.aider.fake_openai import DEADLINE_S
from tests.aider.place import LAUNCHER, Place

# In the child every connection is noted, whoever makes it.
SERVER = """
import json, os, runpy, signal, sys
os.environ.update(LITELLM_MODE="PRODUCTION", LITELLM_LOCAL_MODEL_COST_MAP="True")
import aider.main, litellm

def child(job):
    os.chdir(job["folder"])
    os.environ.clear()
    os.environ.update(job["environ"])
    output = os.open(job["output"], os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    seen = open(job["seen"], "w", buffering=1)
    def note(event, details):
        if event == "socket.connect":
            seen.write(json.dumps(details[1], default=str) + "\\n")
    sys.addaudithook(note)
    signal.alarm(job["limit"])
    sys.argv = [job["launcher"], job["spec"]]
    code = 0
    exec(job["before"])
    try:
        runpy.run_path(job["launcher"], run_name="__main__")
    except SystemExit as stop:
        code = stop.code or 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)

print("ready", flush=True)
for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        child(json.loads(line))
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


@dataclass(frozen=True)
class Run:
    """How a run ended, all it printed, and the addresses to which it connected."""

    code: int
    output: str
    connected: set[tuple[str, int]]


class Forks:
    """A process that has imported Aider, and nothing else."""

    def __enter__(self) -> Forks:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd="/",
            text=True,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate(timeout=DEADLINE_S)

    def run(self, place: Place, spec: Path, folder: Path, before: str = "") -> Run:
        """One run of the launcher in a process of its own; `before` is code run ahead of it."""
        output, seen = place.root / "output", place.root / "connected"
        job = {
            "folder": str(folder),
            "environ": place.env(),
            "output": str(output),
            "seen": str(seen),
            "limit": int(2 * DEADLINE_S),
            "launcher": str(LAUNCHER),
            "spec": str(spec),
            "before": before,
        }
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        lines = iter(self._process.stdout.readline, "")
        code = next(int(line) for line in lines if line.strip() != "ready")
        rows = map(json.loads, seen.read_text().splitlines())
        return Run(code, output.read_text("utf-8", "replace"), {(row[0], row[1]) for row in rows})

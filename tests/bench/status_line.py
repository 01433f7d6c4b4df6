"""What the status line costs: CPU of Aider and of the shim at an idle prompt, and of one poll.

Starts `lodestar code` on a terminal of its own and waits; nothing is asked of any model. CPU is
what /proc says of each process, as a share of one core.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pexpect

SECONDS = float(os.environ.get("SECONDS_IDLE", "30"))
POLLS = 500
LODESTAR = Path(sys.executable).with_name("lodestar")


@contextmanager
def idle_session(root: Path) -> Iterator[Path]:
    """A session that has shown its status line; its home."""
    home = root / ".lodestar"
    environ = {
        **{name: value for name, value in os.environ.items() if name != "CI"},
        "HOME": str(root),
        "LODESTAR_HOME": str(home),
        "TERM": "xterm-256color",
        "OLLAMA_HOST": "none",
    }
    project = root / "project"
    project.mkdir()
    subprocess.run(["git", "init", "-q"], cwd=project, check=True, env=environ)
    child = pexpect.spawn(
        str(LODESTAR),
        ["code", "--no-rating", "--time-limit", "2h"],
        cwd=project,
        env=environ,
        dimensions=(30, 120),
        encoding="utf-8",
        timeout=60,
    )
    reader = threading.Thread(target=_read, args=(child,), daemon=True)
    try:
        child.expect_exact("\x1b[6n")
        child.send("\x1b[1;1R")
        child.expect_exact("FREE")
        reader.start()
        yield home
    finally:
        child.kill(signal.SIGTERM)
        reader.join(30)
        child.close(force=True)


def _read(child: Any) -> None:
    """Keep the terminal empty until its program leaves."""
    while True:
        try:
            child.read_nonblocking(4096, timeout=5)
        except pexpect.TIMEOUT:
            continue
        except (pexpect.EOF, OSError, ValueError):
            return


def pid_of(home: Path, word: str) -> int:
    """The process of this session that runs the package `word`."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
            known = command + (folder / "environ").read_bytes()
        except OSError:
            continue
        if word.encode() in command and str(home).encode() in known:
            return int(folder.name)
    raise LookupError(word)


def cpu_s(pid: int) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def polls(home: Path) -> list[float]:
    """Milliseconds of each of many polls, one after the other."""
    spec = json.loads(next((home / "run").glob("*/launcher.json")).read_text("utf-8"))
    port, found = int(spec["shim_url"].rpartition(":")[2]), []
    for _ in range(POLLS):
        began = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        headers = {"Authorization": f"Bearer {spec['token']}"}
        connection.request("GET", "/lodestar/v1/poll?after=0", None, headers)
        connection.getresponse().read()
        connection.close()
        found.append((time.perf_counter() - began) * 1000)
    return found


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name, idle_session(Path(name)) as home:
        names = {"Aider": "lodestar_aider", "shim": "lodestar_shim"}
        pids = {label: pid_of(home, word) for label, word in names.items()}
        time.sleep(3)
        before = {label: cpu_s(pid) for label, pid in pids.items()}
        time.sleep(SECONDS)
        for label, pid in pids.items():
            share = (cpu_s(pid) - before[label]) / SECONDS
            print(f"{label:5} at an idle prompt: {share:.2%} of a core over {SECONDS:.0f} s")
        before_polls = cpu_s(pids["shim"])
        found = polls(home)
        each = (cpu_s(pids["shim"]) - before_polls) / POLLS * 1000
        print(f"a poll: median {statistics.median(found):.2f} ms, {each:.2f} ms of the shim's CPU")


if __name__ == "__main__":
    main()

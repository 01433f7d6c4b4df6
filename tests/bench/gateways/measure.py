"""What one run of the load generator shows, and what the processes behind it used."""

from __future__ import annotations

import json
import os
import subprocess
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.gateways.native import program

PROMPT_SIZE = 1300
CHUNKS = 200
# How the upstream answers: number of chunks (0: in one piece), milliseconds between two.
KINDS = {"plain": (0, 0), "burst": (CHUNKS, 0), "paced": (CHUNKS, 2), "first": (2, 3)}


@dataclass(frozen=True)
class Address:
    """Where to send a request, and how it has to look there."""

    port: int
    model: str = "bench"
    path: str = "/v1/chat/completions"
    headers: dict[str, str] = field(default_factory=dict)

    def request(self, kind: str) -> bytes:
        """One of KINDS. No prompt is like one of another run."""
        chunks, pace = KINDS[kind]
        start = f"run {uuid.uuid4()} number 00000000 chunks={chunks} pace_ms={pace} "
        messages = [{"role": "user", "content": start + "x" * (PROMPT_SIZE - len(start))}]
        asked: dict[str, Any] = {"model": self.model, "messages": messages}
        if chunks:
            asked |= {"stream": True, "stream_options": {"include_usage": True}}
        body = json.dumps(asked).encode()
        headers = {
            "Host": f"127.0.0.1:{self.port}",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **self.headers,
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"POST {self.path} HTTP/1.1\r\n{head}\r\n".encode() + body


class Tree:
    """A process and its children: processor time and memory, as the kernel counts them."""

    def __init__(self, pid: int) -> None:
        """`pid` 0 is no process: direct."""
        self._root = pid

    def _pids(self) -> list[int]:
        found = [self._root] if self._root else []
        for pid in found:
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                found += map(int, task.read_text("ascii").split())
        return found

    def cpu_us(self) -> float:
        """Microseconds of processor time so far, threads that ended included."""
        return sum(time.clock_gettime_ns((~pid << 3) | 2) for pid in self._pids()) / 1000

    def pss_mb(self) -> float:
        """Memory of its own plus its share of what it shares, MB."""
        return sum(map(_pss_kb, self._pids())) / 1024

    def settle(self, timeout: float = 3) -> None:
        """Wait until nothing goes on any more: logs are written after the last byte."""
        deadline = time.monotonic() + timeout
        while self._root and time.monotonic() < deadline:
            before = self.cpu_us()
            time.sleep(0.1)
            if self.cpu_us() - before < 2000:
                return


def _pss_kb(pid: int) -> int:
    try:
        found = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").partition("\nPss:")[2]
    except PermissionError:
        # Our shim closes its memory to all but root; what is resident is more than its share.
        found = Path(f"/proc/{pid}/status").read_text("ascii").partition("\nVmRSS:")[2]
    return int(found.split()[0])


def load(address: Address, kind: str, connections: int, count: int) -> dict[str, Any]:
    """Send `count` requests; what the load generator printed. A failure ends the bench."""
    command = [str(program("load")), str(address.port), str(connections), str(count)]
    done = subprocess.run(command, input=address.request(kind), capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.decode())
    result: dict[str, Any] = json.loads(done.stdout)
    if result["failed"]:
        raise RuntimeError(f"{result['failed']} of {count} failed, first: {result['complaint']}")
    return result


def observe(
    address: Address, tree: Tree, kind: str, connections: int, count: int
) -> dict[str, Any]:
    """`load`, with the processor time of what served it, per request."""
    tree.settle()
    before = tree.cpu_us()
    result = load(address, kind, connections, count)
    tree.settle()
    return {**result, "count": count, "cpu_us": (tree.cpu_us() - before) / count}


def machine() -> dict[str, Any]:
    """The facts about this machine that a reader of the numbers needs."""
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    uname = os.uname()
    return {
        "cpu": names[0] if names else uname.machine,
        "cores": len(os.sched_getaffinity(0)),
        "system": f"{uname.sysname} {uname.release}",
        "load": os.getloadavg()[0],
    }

"""Looking for a secret where none may be: in files, and in what the system shows of processes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

from lodestar.known_secrets import forms


def files_with(secret: str, *roots: Path) -> list[str]:
    """Files below the folders that hold the secret in any form, their names included."""
    wanted = _bytes(secret)
    return [
        str(path)
        for root in roots
        for path in sorted(root.rglob("*"))
        if _holds(wanted, str(path).encode() + (path.read_bytes() if path.is_file() else b""))
    ]


def processes_with(secret: str, pids: Iterable[int]) -> list[str]:
    """What of the processes shows the secret: their command lines and environments."""
    wanted = _bytes(secret)
    found = []
    for pid in pids:
        for name in ("cmdline", "environ"):
            # It may end meanwhile, and may be closed to us.
            with contextlib.suppress(OSError):
                if _holds(wanted, Path(f"/proc/{pid}/{name}").read_bytes()):
                    found.append(f"{pid} {name}")
    return found


def _bytes(secret: str) -> list[bytes]:
    return [form.encode("utf-8", "surrogatepass") for form in set(forms(secret))]


def _holds(wanted: list[bytes], data: bytes) -> bool:
    return any(form in data for form in wanted)

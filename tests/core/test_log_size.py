"""Logs do not grow for ever, and only their owner reads them."""

from __future__ import annotations

import logging
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lodestar.private_log import LOG_BYTES, BoundedFile, put_aside

LINE = "x" * 1000
MOST = LOG_BYTES + 2 * len(LINE)


def record(text: str = LINE) -> logging.LogRecord:
    return logging.LogRecord("lodestar.test", logging.INFO, "", 0, text, (), None)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_a_log_of_several_writers_stays_small_and_private(tmp_path: Path) -> None:
    """One finds it full, the other goes on in the new file."""
    path = tmp_path / "shim.log"
    writers = [BoundedFile(path), BoundedFile(path)]
    for number in range(4 * LOG_BYTES // len(LINE)):
        writers[number % 2].emit(record())
    for number, writer in enumerate(writers):
        writer.emit(record(f"the last line of {number}"))
        writer.close()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["shim.log", "shim.log.1"]
    assert all(p.stat().st_size <= MOST and mode(p) == 0o600 for p in tmp_path.iterdir())
    text = path.read_text("utf-8")
    assert text.endswith("the last line of 0\nthe last line of 1\n")


@pytest.mark.parametrize("way", ["at its start", "while it runs"])
def test_what_a_process_says_on_stderr_is_kept_within_bounds(tmp_path: Path, way: str) -> None:
    path = tmp_path / "engine.log"
    path.write_bytes(b"old\n" * (LOG_BYTES // 4) + (b"more\n" if way == "at its start" else b""))
    if way == "at its start":
        assert put_aside(path) == path
        assert [p.name for p in tmp_path.iterdir()] == ["engine.log.1"]
        return
    code = (
        "import logging, sys; from lodestar.private_log import BoundedStderr\n"
        "logging.basicConfig(level=20, handlers=[BoundedStderr(sys.stderr)])\n"
        f"for _ in range(2500): logging.info('{LINE}')\n"
        "sys.stderr.write('and the rest\\n')"
    )
    with path.open("ab") as file:
        subprocess.run([sys.executable, "-c", code], stderr=file, check=True)
    assert path.stat().st_size <= MOST
    data = path.read_bytes()
    assert data.startswith(b"(what stood here was too much to keep)\n")
    assert data.endswith(LINE.encode() + b"\nand the rest\n")
    assert b"\0" not in data

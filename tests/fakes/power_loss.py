"""The files of a folder as they may be after a power loss, from a record of what was done to them.

What was synchronised is there. Of what was written since, any part is: each write for itself, the
last one perhaps torn, and where a file grew, zeros perhaps instead of the data. Names are as
strict: a file that was made, renamed or removed is so for certain once its folder was
synchronised, and up to any point of that order before. The record is made by `disk_recorder.c`.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import struct
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from pathlib import Path
from typing import Any

import pytest

SOURCE = Path(__file__).with_name("disk_recorder.c")
REPORT = "report"
"""What a program under test says in this file is what others rely on."""
FATES = ("kept", "dropped", "kept", "dropped", "zeros")
_HEAD = struct.Struct("=4IQQq")


class Kind(IntEnum):
    """What was done."""

    CREATE = 1
    WRITE = 2
    TRUNCATE = 3
    SYNC_BEGIN = 4
    SYNC_END = 5
    RENAME = 6
    UNLINK = 7


CHANGES = (Kind.WRITE, Kind.TRUNCATE)
NAMES = (Kind.CREATE, Kind.RENAME, Kind.UNLINK)


@dataclass(frozen=True)
class Event:
    """One call. `at` is its place in the record, `inode` tells files apart."""

    at: int
    kind: Kind
    path: Path
    other: Path
    thread: int
    inode: int
    offset: int
    data: bytes


class Recorder:
    """Programs that run with `environ` have their changes below `folder` recorded."""

    def __init__(self, folder: Path, work: Path) -> None:
        compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        if compiler is None or os.uname().sysname != "Linux":
            pytest.skip("what is written is recorded by a small C library: no compiler on Linux")
        self.folder = folder.resolve()
        self._record, library = work / "record", work / "disk_recorder.so"
        command = [compiler, "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"]
        subprocess.run(command, check=True, capture_output=True)
        self.environ = {
            **os.environ,
            "LD_PRELOAD": str(library),
            "DISK_FOLDER": str(self.folder),
            "DISK_RECORD": str(self._record),
        }

    def disk(self) -> Disk:
        """What was recorded."""
        return Disk(self.folder, list(_told_apart(_events(self._record.read_bytes()))))


def _events(data: bytes) -> Iterator[Event]:
    at = place = 0
    while place < len(data):
        kind, path, other, length, thread, inode, offset = _HEAD.unpack_from(data, place)
        place += _HEAD.size
        parts = []
        for size in (path, other, length):
            parts.append(data[place : place + size])
            place += size
        names = (Path(os.fsdecode(name)) for name in parts[:2])
        yield Event(at, Kind(kind), *names, thread, inode, offset, parts[2])
        at += 1


def _told_apart(events: Iterator[Event]) -> Iterator[Event]:
    """With a number of its own for each file: a system gives inodes of removed ones again."""
    names: dict[Path, int] = {}
    numbers: dict[int, int] = {}
    for event in events:
        number = numbers.get(event.inode, -1)
        if event.kind == Kind.CREATE and names.get(event.path) != number:
            number = -1
        if event.kind in (Kind.RENAME, Kind.UNLINK):
            moved = names.pop(event.path, -1)
            if event.kind == Kind.RENAME:
                names[event.other] = moved
        elif number < 0:
            number = numbers[event.inode] = event.at
        if event.kind == Kind.CREATE:
            names[event.path] = number
        yield replace(event, inode=number)


class Disk:
    """A record, and what a power loss at a moment of it may leave."""

    def __init__(self, folder: Path, events: list[Event]) -> None:
        self.events = events
        self._folder = folder

    def said(self, moment: int) -> list[dict[str, Any]]:
        """What had been reported before the moment."""
        lines = (
            event.data
            for event in self.events[:moment]
            if event.kind == Kind.WRITE and event.path.name == REPORT
        )
        return [json.loads(line) for line in lines]

    def lose_power(self, moment: int, draw: random.Random, target: Path) -> None:
        """Put into the empty folder `target` what is left."""
        safe = self._synced(moment)
        files = self._contents(moment, safe, draw)
        for path, inode in self._names(moment, safe, draw).items():
            place = target / path.relative_to(self._folder)
            place.parent.mkdir(parents=True, exist_ok=True)
            # Shared memory is no file that anybody synchronises: anything may be in there.
            rubbish = path.name.endswith("-shm")
            place.write_bytes(draw.randbytes(32768) if rubbish else files[inode])

    def _synced(self, moment: int) -> Mapping[int | Path, int]:
        """Up to where each file and folder is safe, by its inode and its path."""
        began: dict[tuple[int, int], int] = {}
        safe: defaultdict[int | Path, int] = defaultdict(int)
        for event in self.events[:moment]:
            if event.kind == Kind.SYNC_BEGIN:
                began[event.thread, event.inode] = event.at
            elif event.kind == Kind.SYNC_END:
                start = began.pop((event.thread, event.inode))
                for key in (event.inode, event.path):
                    safe[key] = max(safe[key], start)
        return safe

    def _contents(
        self, moment: int, safe: Mapping[int | Path, int], draw: random.Random
    ) -> Mapping[int, bytes]:
        files: defaultdict[int, bytearray] = defaultdict(bytearray)
        last: dict[int, int] = {}
        luck = draw.choice((0.0, 0.3, 0.7, 1.0))
        changes = [event for event in self.events[:moment] if event.kind in CHANGES]
        for event in changes:
            last[event.inode] = event.at
        for event in changes:
            file = files[event.inode]
            if event.at < safe[event.inode]:
                _change(file, event, event.data)
                continue
            fate = "kept" if draw.random() < luck else draw.choice(FATES)
            if fate == "kept" and event.at == last[event.inode] and draw.random() < 0.5:
                _change(file, event, event.data[: draw.randint(0, len(event.data))])
            elif fate == "kept":
                _change(file, event, event.data)
            elif fate == "zeros" and event.offset >= len(file):
                _change(file, event, bytes(len(event.data)))
        return {inode: bytes(file) for inode, file in files.items()} | _empty(self.events, files)

    def _names(
        self, moment: int, safe: Mapping[int | Path, int], draw: random.Random
    ) -> Mapping[Path, int]:
        found: dict[Path, int] = {}
        changes = [event for event in self.events[:moment] if event.kind in NAMES]
        loose = [event.at for event in changes if event.at >= safe[event.path.parent]]
        end = draw.choice([*loose, moment])
        for event in changes:
            # A journalling file system keeps the order of such changes.
            if event.at >= max(end, safe[event.path.parent]):
                continue
            if event.kind == Kind.CREATE:
                found[event.path] = event.inode
            elif event.path in found:
                inode = found.pop(event.path)
                if event.kind == Kind.RENAME:
                    found[event.other] = inode
        return found


def _empty(events: list[Event], files: Mapping[int, bytearray]) -> dict[int, bytes]:
    return {event.inode: b"" for event in events if event.inode not in files}


def _change(file: bytearray, event: Event, data: bytes) -> None:
    if event.kind == Kind.TRUNCATE:
        del file[event.offset :]
        file.extend(bytes(event.offset - len(file)))
        return
    file.extend(bytes(max(0, event.offset + len(data) - len(file))))
    file[event.offset : event.offset + len(data)] = data

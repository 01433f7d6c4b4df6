"""Asks a throw-away child about a GGUF file and remembers the answer."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from lodestar_engine.environ import allowed
from lodestar_engine.errors import ApiError
from lodestar_engine.gguf import Header

TIME_LIMIT_S = 15.0
FAILED = "reading its header failed, or took too long or too much memory"


@dataclass(frozen=True)
class FileId:
    """A file as it is now; another file under the same path has another id.

    Its time of writing can be set to what it was; the time of that change cannot.
    """

    path: Path
    inode: int
    ctime_ns: int
    mtime_ns: int
    size: int

    @property
    def state(self) -> tuple[int, ...]:
        """What differs where the file is not the same any more."""
        return self.inode, self.ctime_ns, self.mtime_ns, self.size


def file_id(path: Path) -> FileId:
    """Raises FileNotFoundError or another OSError."""
    status = path.stat()
    state = (status.st_ino, status.st_ctime_ns, status.st_mtime_ns, status.st_size)
    return FileId(path, *state)


class Inspector:
    """Headers of model and adapter files, each file looked at once."""

    def __init__(self) -> None:
        self._answers: dict[FileId, Header | str] = {}

    async def header(self, file: FileId) -> Header:
        """Raises ApiError (400) with a sentence where the file is no usable GGUF."""
        answer = self._answers.get(file)
        if answer is None:
            answer = self._answers[file] = await self._ask(file.path)
        if isinstance(answer, str):
            raise ApiError(f"The file {file.path} cannot be used: {answer}.", "bad_model_file")
        return answer

    async def _ask(self, path: Path) -> Header | str:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-m", "lodestar_engine.probe", os.fspath(path)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=allowed(os.environ),
        )
        try:
            output, _ = await asyncio.wait_for(child.communicate(), TIME_LIMIT_S)
        except asyncio.TimeoutError:
            return "reading its header takes too long"
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        return _header(output) if child.returncode == 0 else FAILED


def _header(output: bytes) -> Header | str:
    try:
        answer = json.loads(output)
        return str(answer["error"]) if "error" in answer else Header(**answer)
    except (ValueError, TypeError):
        return FAILED

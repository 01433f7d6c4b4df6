"""What NAME.json says about the model or adapter file beside it."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lodestar.paths import write_private
from lodestar_engine.errors import ApiError
from lodestar_engine.inspector import FileId

DEFAULT_CONTEXT = 8192
MIN_CONTEXT = 64
BLOCK = 1 << 22
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Manifest:
    """All fields optional; `gpu_layers` is how many layers go to the GPU, all by default.

    `checksums` are those that the file may have: its own and, while it is being replaced, those
    of the file before it.
    """

    context: int | None = None
    checksums: tuple[str, ...] = ()
    gpu_layers: int | None = None
    description: str = ""

    def context_size(self, trained: int) -> int:
        """Tokens of context to use, given what the model was trained for (0: unknown)."""
        size = self.context or DEFAULT_CONTEXT
        return min(trained, size) if trained > 0 else size


def read_manifest(path: Path) -> Manifest:
    """An empty manifest where there is none. Raises ApiError (400) where it makes no sense."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Manifest()
    except (OSError, ValueError, RecursionError) as error:
        raise ApiError(f"The file {path} cannot be read: {error}.", "bad_model_file") from error
    if not isinstance(data, dict):
        raise ApiError(f"The file {path} must hold a JSON object.", "bad_model_file")
    context, layers = data.get("context"), data.get("gpu_layers")
    if context is not None and (not isinstance(context, int) or context < MIN_CONTEXT):
        raise ApiError(f"{path}: context must be at least {MIN_CONTEXT}.", "bad_model_file")
    if layers is not None and not isinstance(layers, int):
        raise ApiError(f"{path}: gpu_layers must be a number.", "bad_model_file")
    return Manifest(context, _checksums(path, data), layers, str(data.get("description") or ""))


def _checksums(path: Path, data: dict[str, Any]) -> tuple[str, ...]:
    own, before = data.get("sha256"), data.get("replaces") or []
    if own is None:
        return ()
    if not isinstance(before, list) or not all(isinstance(text, str) for text in (own, *before)):
        raise ApiError(f"{path}: sha256 must be text.", "bad_model_file")
    return tuple(text.lower() for text in (own, *before))


class Checksums:
    """Verifies files against their manifest, once for each state of a file.

    The list of verified files outlives the engine: hashing gigabytes takes seconds, and the
    engine starts and stops all day.
    """

    def __init__(self, record: Path) -> None:
        self._record = record

    def verify(self, file: FileId, expected: tuple[str, ...]) -> None:
        """Blocks while hashing. Raises ApiError (400) where the checksum is another one."""
        known = self._read()
        for digest in expected:
            if known.get(str(file.path)) == [*file.state, digest]:
                return
        found = _sha256(file.path)
        if found not in expected:
            raise ApiError(
                f"The file {file.path} is not the one that was installed: its SHA-256 differs"
                " from its manifest.",
                "checksum_mismatch",
            )
        self._write(known | {str(file.path): [*file.state, found]})

    def _read(self) -> dict[str, object]:
        try:
            known = json.loads(self._record.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}

    def _write(self, known: dict[str, object]) -> None:
        try:
            write_private(self._record, json.dumps(known))
        except OSError as error:
            log.warning("cannot remember verified checksums: %s", error)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()

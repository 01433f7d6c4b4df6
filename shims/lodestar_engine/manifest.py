"""What HOME/models/NAME.json says about a model file."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from pathlib import Path

from lodestar_engine.errors import ApiError
from lodestar_engine.inspector import FileId

DEFAULT_CONTEXT = 8192
MIN_CONTEXT = 64
BLOCK = 1 << 22
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Manifest:
    """All fields optional; `gpu_layers` is how many layers go to the GPU, all by default."""

    context: int | None = None
    sha256: str | None = None
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
    context, sha256, layers = data.get("context"), data.get("sha256"), data.get("gpu_layers")
    if context is not None and (not isinstance(context, int) or context < MIN_CONTEXT):
        raise ApiError(f"{path}: context must be at least {MIN_CONTEXT}.", "bad_model_file")
    if layers is not None and not isinstance(layers, int):
        raise ApiError(f"{path}: gpu_layers must be a number.", "bad_model_file")
    if sha256 is not None and not isinstance(sha256, str):
        raise ApiError(f"{path}: sha256 must be text.", "bad_model_file")
    return Manifest(context, sha256, layers, str(data.get("description") or ""))


class Checksums:
    """Verifies files against their manifest, once for each state of a file.

    The list of verified files outlives the engine: hashing gigabytes takes seconds, and the
    engine starts and stops all day.
    """

    def __init__(self, record: Path) -> None:
        self._record = record

    def verify(self, file: FileId, expected: str) -> None:
        """Blocks while hashing. Raises ApiError (400) where the checksum is another one."""
        state = [file.mtime_ns, file.size, expected.lower()]
        known = self._read()
        if known.get(str(file.path)) == state:
            return
        if _sha256(file.path) != expected.lower():
            raise ApiError(
                f"The file {file.path} is not the one that was installed: its SHA-256 differs"
                " from its manifest. Download the model again.",
                "checksum_mismatch",
            )
        self._write(known | {str(file.path): state})

    def _read(self) -> dict[str, object]:
        try:
            known = json.loads(self._record.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}

    def _write(self, known: dict[str, object]) -> None:
        try:
            self._record.write_text(json.dumps(known), encoding="utf-8")
        except OSError as error:
            log.warning("cannot remember verified checksums: %s", error)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()

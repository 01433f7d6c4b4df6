"""Which models and adapters there are, and whether their files can be used."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from lodestar_engine.errors import ApiError
from lodestar_engine.gguf import Header
from lodestar_engine.inspector import FileId, Inspector, file_id
from lodestar_engine.manifest import Checksums, Manifest, read_manifest
from lodestar_engine.names import NAME

PACKAGED = Path(__file__).parent / "models"
DESCRIPTIONS = {
    "demo": "demo model: very small, made to show Lodestar working; not for real programming"
}


@dataclass(frozen=True)
class ModelFile:
    """A model file that passed every check short of loading it."""

    name: str
    file: FileId
    header: Header
    manifest: Manifest

    @property
    def context(self) -> int:
        return self.manifest.context_size(self.header.context_length)


class Library:
    """Files below the package and the user's home."""

    def __init__(self, home: Path, packaged: Path = PACKAGED) -> None:
        self._home = home
        self._packaged = packaged
        self._inspector = Inspector()
        self._checksums = Checksums(home / "run" / "checksums.json")

    async def model(self, name: str) -> ModelFile:
        """A checked model file, its checksum included. Raises ApiError (400)."""
        model = await self._inspected(name)
        await self._verify(model.file, model.manifest)
        return model

    async def adapter(self, model: ModelFile, adapter: str) -> FileId:
        """A checked LoRA adapter made for this model. Raises ApiError (400)."""
        path = self._home / "adapters" / model.name / f"{adapter}.gguf"
        missing = f"There is no adapter {adapter} for the model {model.name}."
        file = _existing(path, missing)
        header = await self._inspector.header(file)
        if header.kind != "adapter" or header.architecture != model.header.architecture:
            message = f"The file {path} is not an adapter for the model {model.name}."
            raise ApiError(message, "bad_model_file")
        await self._verify(file, read_manifest(path.with_name(f"{adapter}.json")))
        return file

    async def _verify(self, file: FileId, manifest: Manifest) -> None:
        if manifest.checksums:
            await asyncio.to_thread(self._checksums.verify, file, manifest.checksums)

    async def listing(self) -> list[dict[str, object]]:
        """Every model as an entry of `/v1/models`; unusable ones carry an `error`."""
        names = {path.stem for path in self._packaged.glob("*.gguf")}
        names |= {path.stem for path in (self._home / "models").glob("*.gguf")}
        usable = sorted(name for name in names if NAME.fullmatch(name))
        return [await self._entry(name) for name in usable]

    async def _entry(self, name: str) -> dict[str, object]:
        path, folder = self._path(name)
        entry: dict[str, object] = {
            "id": name,
            "object": "model",
            "created": 0,
            "owned_by": "lodestar" if folder == self._packaged else "user",
            "description": DESCRIPTIONS.get(name, "") if folder == self._packaged else "",
        }
        try:
            model = await self._inspected(name)
        except ApiError as error:
            return entry | {"error": error.message}
        entry["description"] = model.manifest.description or entry["description"]
        entry["created"] = model.file.mtime_ns // 1_000_000_000
        return entry | {"size": model.file.size, "context": model.context, "path": str(path)}

    async def _inspected(self, name: str) -> ModelFile:
        path, folder = self._path(name)
        file = _existing(path, f"There is no local model {name}: {path} does not exist.")
        header = await self._inspector.header(file)
        if header.kind != "model":
            message = f"The file {path} holds a GGUF {header.kind}, not a model."
            raise ApiError(message, "bad_model_file")
        return ModelFile(name, file, header, read_manifest(folder / f"{name}.json"))

    def _path(self, name: str) -> tuple[Path, Path]:
        packaged = self._packaged / f"{name}.gguf"
        folder = self._packaged if packaged.exists() else self._home / "models"
        return folder / f"{name}.gguf", folder


def _existing(path: Path, missing: str) -> FileId:
    try:
        return file_id(path)
    except OSError as error:
        raise ApiError(missing, "model_not_found") from error

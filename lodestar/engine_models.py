"""The GGUF files in LODESTAR_HOME/models: checking, importing and listing them."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lodestar.errors import LodestarError, UsageError
from lodestar.paths import Home, write_private
from lodestar.private import bare_environment
from lodestar.terminal import one_line

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
BLOCK = 4 << 20
SHOWN = 64
UNFINISHED = ".import-"
ABANDONED_S = 2 * 86_400.0
_PART = re.compile(r"-\d{5}-of-\d{5}\.gguf\Z", re.IGNORECASE)
PROBE_TIMEOUT_S = 30
Progress = Callable[[int], None]
"""Told the bytes done since the last call."""


@dataclass(frozen=True)
class Header:
    """What a GGUF file says of itself; `context_length` is 0 where it does not say."""

    architecture: str
    context_length: int
    name: str
    has_chat_template: bool


@dataclass(frozen=True)
class ModelFile:
    """A file; sizes in bytes. An imported one has a checksum and a source, where it came from."""

    name: str
    path: Path
    size: int
    source: str | None = None
    context: int | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Origin:
    """Where a file that was not copied from this machine comes from; its checksum was verified."""

    sha256: str
    source: str
    license: str


def model_files(home: Home) -> list[ModelFile]:
    """The files in HOME/models, by name."""
    return [_described(path) for path in sorted((home.root / "models").glob("*.gguf"))]


def packaged_names() -> frozenset[str]:
    """The models that come with the engine; the engine finds these before an import."""
    return frozenset(path.stem for path in _packaged())


def packaged_copy(sha256: str | None) -> str | None:
    """The name of the model that comes with the engine and has this checksum."""
    same = (
        path.stem for path in _packaged() if sha256 and noted_facts(path).get("sha256") == sha256
    )
    return next(same, None)


def default_name(path: Path) -> str:
    """A name for the file, made from the file's own."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-._")[:64] or "model"


def is_part(name: str) -> bool:
    """Whether a file of this name is one part of a model in several files."""
    return _PART.search(name) is not None


def probe(path: Path) -> Header:
    """Read the header in another process, which a bad file may crash without harm.

    That process has limits and none of our environment, so no key. Raises UsageError where the
    file is not a model that the engine could load.
    """
    if is_part(path.name):
        raise UsageError(
            f"{path} is one part of a model in several files",
            "the engine needs it in one piece",
            "join them first: llama-gguf-split --merge",
        )
    command = [sys.executable, "-I", "-m", "lodestar_engine.probe", str(path.absolute())]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=PROBE_TIMEOUT_S,
            stdin=subprocess.DEVNULL,
            env=bare_environment(os.environ),
            check=False,
        )
        found = json.loads(done.stdout) if done.returncode == 0 else None
    except (subprocess.TimeoutExpired, ValueError):
        found = None
    if not isinstance(found, dict):
        found = {"error": "reading its header failed, or took too long or too much memory"}
    if found.get("error"):
        what, do = f"{path} is not a usable GGUF file", "only GGUF files can be imported"
        raise UsageError(what, str(found["error"]), do)
    return _header(path, found)


def import_file(
    home: Home, path: Path, name: str, context: int, link: bool, progress: Progress
) -> ModelFile:
    """Put the file into HOME/models under `name`, in one step, with its checksum beside it.

    With `link` the bytes are shared where the disk is the same one.
    """
    folder = home.folder("models")
    target = folder / f"{name}.gguf"
    source = path.resolve()
    _sweep(folder)
    with tempfile.TemporaryDirectory(dir=folder, prefix=UNFINISHED) as scratch:
        part = Path(scratch) / "part"
        linked = link and _linked(source, part)
        digest = file_sha256(part, progress) if linked else _copied(source, part, progress)
        facts = {"sha256": digest, "size": part.stat().st_size, "source": str(source)}
        return _switched(part, target, {**facts, "context": context})


def adopt_file(home: Home, path: Path, name: str, context: int, origin: Origin) -> ModelFile:
    """Move a file that was checked on its way in, from HOME's own disk, into HOME/models."""
    target = home.folder("models") / f"{name}.gguf"
    facts = {**asdict(origin), "size": path.stat().st_size, "context": context}
    path.chmod(0o600)
    return _switched(path, target, facts)


def file_sha256(path: Path, progress: Progress) -> str:
    """The checksum of a file, read block by block."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for block in _blocks(stream):
            digest.update(block)
            progress(len(block))
    return digest.hexdigest()


def model_file(home: Home, model: str) -> ModelFile | None:
    """The file in HOME/models that an entry's `model` stands for; its adapter does not matter."""
    name = model.partition("@")[0]
    path = home.root / "models" / f"{name}.gguf"
    # Where the engine has one of that name, it takes its own.
    usable = NAME.match(name) and name not in packaged_names()
    return _described(path) if usable and path.is_file() else None


def remove_file(home: Home, name: str) -> bool:
    """Delete an imported file and what is noted beside it; False where there is none."""
    target = home.root / "models" / f"{name}.gguf"
    existed = target.is_file()
    target.unlink(missing_ok=True)
    target.with_suffix(".json").unlink(missing_ok=True)
    return existed


def _packaged() -> list[Path]:
    # Found and not imported: the application never imports a shim.
    spec = find_spec("lodestar_engine")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    return [path for folder in folders for path in (Path(folder) / "models").glob("*.gguf")]


def _header(path: Path, found: Mapping[str, Any]) -> Header:
    if found.get("kind") not in (None, "", "model"):
        raise UsageError(
            f"{path} is not a model", f"it says that it is: {found['kind']}", "import a model file"
        )
    if found.get("tensors") == 0:
        raise UsageError(f"{path} holds no weights", "it is a vocabulary only")
    context = found.get("context_length")
    length = context if isinstance(context, int) else 0
    template = bool(found.get("has_chat_template"))
    # The file's own words: they end up on the terminal and in config.yaml.
    name = one_line(str(found.get("name") or path.stem), SHOWN)
    return Header(one_line(str(found.get("architecture")), SHOWN), length, name, template)


def _switched(part: Path, target: Path, facts: Mapping[str, Any]) -> ModelFile:
    """Put a file in its place; killed at any moment, the old one or the new one is valid."""
    manifest = target.with_suffix(".json")
    known = noted_facts(target)
    before = [digest for digest in (known.get("sha256"), *(known.get("replaces") or ())) if digest]
    if before or not target.exists():
        # Until the manifest is written again it vouches for both files.
        write_private(manifest, json.dumps({**facts, "replaces": before}, indent=2))
    os.replace(part, target)
    write_private(manifest, json.dumps(facts, indent=2))
    return _described(target)


def _described(path: Path) -> ModelFile:
    facts = noted_facts(path)
    known = (facts.get(key) for key in ("source", "context", "sha256"))
    return ModelFile(path.stem, path, path.stat().st_size, *known)


def noted_facts(path: Path) -> dict[str, Any]:
    """What is noted beside a file; nothing where that cannot be read."""
    try:
        facts = json.loads(path.with_suffix(".json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def _sweep(folder: Path) -> None:
    """Remove what imports left that were killed days ago."""
    for left in folder.glob(f"{UNFINISHED}*"):
        if time.time() - left.stat().st_mtime > ABANDONED_S:
            shutil.rmtree(left, ignore_errors=True)


def _linked(source: Path, target: Path) -> bool:
    try:
        os.link(source, target)
    except OSError:
        return False
    return True


def _copied(source: Path, target: Path, progress: Progress) -> str:
    digest = hashlib.sha256()
    try:
        with source.open("rb") as reader, target.open("wb") as writer:
            for block in _blocks(reader):
                writer.write(block)
                digest.update(block)
                progress(len(block))
            writer.flush()
            os.fsync(writer.fileno())
    except OSError as error:
        raise LodestarError(
            f"{source} was not imported", str(error), "check free space and permissions"
        ) from error
    target.chmod(0o600)
    return digest.hexdigest()


def _blocks(stream: Any) -> Iterator[bytes]:
    while block := stream.read(BLOCK):
        yield block

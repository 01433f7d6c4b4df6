"""The short list of models that can be pulled by name, and what a user may ask for besides."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from lodestar.engine_models import default_name, is_part
from lodestar.errors import UsageError
from lodestar.paths import builtin_profiles

MAIN = "main"
_REPO = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*\Z", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_PERMISSIVE = frozenset({"apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause"})


@dataclass(frozen=True)
class Offer:
    """One entry of the list; the size is approximate, the memory is a class in GB."""

    name: str
    repo: str
    file: str
    quantisation: str
    about_bytes: int
    license: str
    memory_gb: int
    sha256: str | None


@dataclass(frozen=True)
class Wanted:
    """A file that the user asked for; `offer` where it is on the list."""

    name: str
    repo: str
    file: str
    revision: str
    sha256: str | None
    offer: Offer | None = None

    def permissive(self, license: str) -> bool:
        """Whether it is on the list and free to use, by the list's word and by `license`."""
        return self.offer is not None and {license, self.offer.license} <= _PERMISSIVE


def curated(folder: Path | None = None) -> Mapping[str, Offer]:
    """The list by name, the smallest first."""
    text = ((folder or builtin_profiles()) / "pull.yaml").read_text("utf-8")
    offers = [Offer(name=name, **entry) for name, entry in yaml.safe_load(text).items()]
    return {o.name: o for o in sorted(offers, key=lambda o: (o.memory_gb, o.about_bytes))}


def wanted(text: str, revision: str | None, sha256: str | None) -> Wanted:
    """What `NAME` or `REPO/ID:FILE.gguf` stands for. Raises UsageError."""
    pin = _pin(sha256)
    if "/" in text or ":" in text:
        return _from_repository(text, revision or MAIN, pin)
    offers = curated()
    if text not in offers:
        near = difflib.get_close_matches(text, offers, 1)
        raise UsageError(
            f"the list has no model called `{text}`",
            f"it has: {', '.join(offers)}",
            f"did you mean `{near[0]}`?" if near else "or name a file: REPO/ID:FILE.gguf",
        )
    offer = offers[text]
    # The list's checksum is that of the revision on the list.
    listed = offer.sha256 if revision is None else None
    return Wanted(text, offer.repo, offer.file, revision or MAIN, pin or listed, offer)


def _pin(sha256: str | None) -> str | None:
    if sha256 is None:
        return None
    if not _SHA256.match(sha256.lower()):
        raise UsageError(
            "--sha256 takes 64 hexadecimal digits",
            f"not `{sha256}`",
            "copy it from the model's page",
        )
    return sha256.lower()


def _from_repository(text: str, revision: str, pin: str | None) -> Wanted:
    repo, _, file = text.partition(":")
    if not _REPO.match(repo) or not file:
        raise UsageError(
            f"`{text}` does not name a file on the hub",
            "a file is named by its repository and its path in it",
            "for example: bartowski/Codestral-22B-v0.1-GGUF:Codestral-22B-v0.1-Q4_K_M.gguf",
        )
    _check_file(file)
    return Wanted(default_name(Path(file)), repo, file, revision, pin)


def _check_file(file: str) -> None:
    if not file.lower().endswith(".gguf"):
        raise UsageError(
            f"`{file}` is not a GGUF file",
            "other kinds may hold programs, and the engine cannot load them",
            "name a file that ends in .gguf",
        )
    if is_part(file):
        raise UsageError(
            f"`{file}` is one part of a model in several files",
            "the engine needs it in one piece",
            "choose a repository that has it in one file",
        )
    if any(part in ("", ".", "..") for part in file.split("/")) or "\\" in file:
        raise UsageError(
            f"`{file}` is not a path in a repository",
            "it must stay inside the repository",
            "give the path as its page shows it",
        )

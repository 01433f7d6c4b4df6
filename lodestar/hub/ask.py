"""Asking the hub about a file: its licence, size, checksum and commit."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lodestar.errors import LodestarError, UsageError
from lodestar.hub.curated import Wanted
from lodestar.hub.problems import no_file, told
from lodestar.terminal import one_line

if TYPE_CHECKING:
    from huggingface_hub import HfFileMetadata

TIMEOUT_S = 15
_COMMIT = re.compile(r"[0-9a-f]{7,64}\Z")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True)
class Hub:
    """A server that speaks the hub's API; `token` is False where there is none.

    False and not None: with None the library would look for a token in files of its own.
    """

    endpoint: str
    token: str | bool

    @property
    def host(self) -> str:
        """Its name, for messages."""
        return urlsplit(self.endpoint).netloc or self.endpoint


@dataclass(frozen=True)
class Found:
    """A file as the hub states it. `sha256` must hold; `pinned` where it is not only the hub's."""

    wanted: Wanted
    commit: str
    size: int
    sha256: str
    pinned: bool
    license: str

    @property
    def source(self) -> str:
        """Where it comes from, exactly."""
        return f"hub:{self.wanted.repo}@{self.commit}/{self.wanted.file}"


def hub(environ: Mapping[str, str]) -> Hub:
    """The hub, or the one that HF_ENDPOINT names; the token is HF_TOKEN's and nobody else's."""
    endpoint = (environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")
    return Hub(endpoint, environ.get("HF_TOKEN", "").strip() or False)


def look_up(hub: Hub, wanted: Wanted) -> Found:
    """What the hub says of the file; nothing of it is fetched."""
    with told(wanted, hub.host, bool(hub.token)):
        terms, files = _described(hub, wanted)
        if files and wanted.file not in files:
            near = difflib.get_close_matches(wanted.file, files, 1)
            raise no_file(wanted, near[0] if near else None)
        stated = _metadata(hub, wanted)
    commit = stated.commit_hash or ""
    if not _COMMIT.match(commit) or not stated.size:
        raise LodestarError(
            f"{hub.host} did not answer as the hub does",
            "it gave no commit or no size for the file",
            "look at HF_ENDPOINT",
        )
    checksum = _checksum(stated.etag, wanted, hub.host)
    pinned = wanted.sha256 is not None
    return Found(wanted, commit, stated.size, checksum, pinned, terms)


def _described(hub: Hub, wanted: Wanted) -> tuple[str, list[str]]:
    from huggingface_hub import HfApi

    info = HfApi(endpoint=hub.endpoint).model_info(
        wanted.repo, revision=wanted.revision, timeout=TIMEOUT_S, token=hub.token
    )
    files = [sibling.rfilename for sibling in info.siblings or []]
    return _license(info.card_data), [file for file in files if file.lower().endswith(".gguf")]


def _license(card: Any) -> str:
    stated, name = (getattr(card, key, None) for key in ("license", "license_name"))
    text = stated if isinstance(stated, str) else ""
    return one_line(f"{text} ({name})" if text == "other" and name else text, 80) or "not stated"


def _metadata(hub: Hub, wanted: Wanted) -> HfFileMetadata:
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    url = hf_hub_url(wanted.repo, wanted.file, revision=wanted.revision, endpoint=hub.endpoint)
    return get_hf_file_metadata(url, token=hub.token, timeout=TIMEOUT_S, endpoint=hub.endpoint)


def _checksum(etag: str | None, wanted: Wanted, host: str) -> str:
    """The checksum that must hold: the pin, else the one that the hub states for a large file."""
    stated = etag if etag and _SHA256.match(etag) else None
    if wanted.sha256 and stated and wanted.sha256 != stated:
        raise UsageError(
            f"{wanted.file} is not the file you want",
            f"{host} states the sha256 {stated}, the pin is {wanted.sha256}",
            "nothing was downloaded; check the pin, or choose the --revision it belongs to",
        )
    checksum = wanted.sha256 or stated
    if checksum is None:
        raise LodestarError(
            f"{wanted.file} cannot be checked",
            f"{host} states no sha256 for it",
            "give the one you trust with --sha256",
        )
    return checksum

"""What the supervisor hands to a shim: a private file, read once, the same after a restart."""

from __future__ import annotations

import argparse
import json
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lodestar.clock import awake_seconds, boot_seconds
from lodestar.errors import UsageError
from lodestar.ids import new_id


@dataclass(frozen=True)
class Spec:
    """One session as the shim needs to know it.

    `started` is seconds since boot; `awake` the same without those in which the machine slept.
    """

    session: str
    token: str = field(repr=False)
    owner: int
    folder: str
    flags: Mapping[str, Any]
    started: float
    awake: float = field(default_factory=awake_seconds)
    branch: str | None = None
    supervised: bool = True
    local: Mapping[str, Any] | None = None
    """What the local aliases stand for in this session, entry by entry; None: find out."""

    @classmethod
    def standalone(cls, arguments: argparse.Namespace) -> Spec:
        """A shim of its own, for any OpenAI client."""
        return cls(
            session=new_id(),
            token=secrets.token_urlsafe(32),
            owner=os.getpid(),
            folder=os.getcwd(),
            flags={"profile": arguments.profile},
            started=boot_seconds(),
            supervised=False,
        )


def read_spec(path: Path) -> Spec:
    """Read a spec file. Raises UsageError."""
    return _parsed(lambda: path.read_text("utf-8"), str(path))


def handed_spec(descriptor: int) -> Spec:
    """Read a spec from a pipe, which is closed then. Raises UsageError.

    Nobody who starts such a shim knows its process id before: its session belongs to itself.
    """

    def text() -> str:
        with open(descriptor, encoding="utf-8") as stream:
            return stream.read()

    spec = _parsed(text, "what was handed over")
    return spec if spec.supervised else replace(spec, owner=os.getpid())


def _parsed(text: Callable[[], str], name: str) -> Spec:
    try:
        return Spec(**json.loads(text()))
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(
            f"cannot read {name}", str(error), "start through `lodestar code`"
        ) from error

"""What the supervisor hands to a shim: a private file, read once, the same after a restart."""

from __future__ import annotations

import argparse
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
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
    try:
        return Spec(**json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(
            f"cannot read {path}", str(error), "start through `lodestar code`"
        ) from error

"""The session's specification, written by the supervisor for one Aider process."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lodestar_aider.errors import LaunchError


@dataclass(frozen=True)
class Spec:
    """What one Aider process needs to know; all paths are absolute."""

    shim_url: str
    token: str
    session: str
    aider_args: list[str]
    user_args: list[str]
    model_settings: str
    model_metadata: str
    env_file: str
    chat_history: str
    input_history: str
    aliases: list[str]
    main: str
    weak: str
    editor: str | None = None
    poll_s: float = 1.0
    drop_env: tuple[str, ...] | list[str] = ()
    journal: str = ""
    programs: str = ""
    plain: bool = False
    ask: bool = False

    @property
    def api_base(self) -> str:
        """The shim's OpenAI-compatible base address."""
        return self.shim_url.rstrip("/") + "/v1"

    @property
    def address(self) -> tuple[str, int]:
        """The shim's host and port."""
        parts = urlsplit(self.shim_url)
        return parts.hostname or "127.0.0.1", parts.port or 80

    @property
    def known_names(self) -> list[str]:
        """Every alias the user may type without its `openai/` prefix."""
        named = [*self.aliases, self.main, self.weak, self.editor or ""]
        return [name for name in dict.fromkeys(named) if name]


def read_spec(path: Path) -> Spec:
    """Read SPEC.json; raises LaunchError when it is missing, broken or incomplete."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise _bad_spec(path, str(problem)) from problem
    if not isinstance(data, dict):
        raise _bad_spec(path, "it is not a JSON object")
    known = {field.name for field in fields(Spec)}
    given = {name: value for name, value in data.items() if name in known}
    return _checked(path, given)


def _checked(path: Path, given: dict[str, Any]) -> Spec:
    try:
        spec = Spec(**given)
    except TypeError as problem:
        raise _bad_spec(path, str(problem)) from problem
    for field in fields(Spec):
        value = getattr(spec, field.name)
        if field.type == "str" and not isinstance(value, str):
            raise _bad_spec(path, f"{field.name} is not a string")
        if field.type == "list[str]" and not isinstance(value, list):
            raise _bad_spec(path, f"{field.name} is not a list")
    return spec


def _bad_spec(path: Path, reason: str) -> LaunchError:
    return LaunchError(
        "Aider was not started: the session's specification cannot be used",
        f"{path}: {reason}",
        "start Aider with `lodestar code`, which writes this file",
    )

"""Checks the model settings file against the fields that this Aider knows."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

from lodestar_aider.compat import Need, resolve
from lodestar_aider.errors import LaunchError

NEEDS = (
    Need("aider.models", "ModelSettings"),
    Need("aider.models", "yaml.safe_load", ("stream",)),
)


def known_fields() -> list[str]:
    """The names an entry of the model settings file may have."""
    return [field.name for field in fields(resolve("aider.models", "ModelSettings"))]


def read_settings_file(path: Path) -> list[dict[str, Any]]:
    """The models in the file. Raises LaunchError naming the first field this Aider does not know.

    Aider itself would only print a line, drop the rest of the file, and edit with the
    wrong format.
    """
    known = known_fields()
    models = _entries(path)
    for position, entry in enumerate(models, start=1):
        if not isinstance(entry, dict) or not entry.get("name"):
            raise _bad_file(path, f"entry {position} has no name")
        for field in entry:
            if field not in known:
                raise _bad_file(path, f"{entry['name']}: this Aider knows no field {field!r}")
    return models


def _entries(path: Path) -> list[Any]:
    parse = resolve("aider.models", "yaml.safe_load")
    try:
        data = parse(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise _bad_file(path, str(problem)) from problem
    except ValueError as problem:
        raise _bad_file(path, "it is not UTF-8 text") from problem
    except resolve("aider.models", "yaml.YAMLError") as problem:
        raise _bad_file(path, " ".join(str(problem).split())) from problem
    if data is None:
        return []
    if not isinstance(data, list):
        raise _bad_file(path, "it is not a list of models")
    return data


def _bad_file(path: Path, reason: str) -> LaunchError:
    return LaunchError(
        "Aider was not started: the model settings cannot be used",
        f"{path}: {reason}",
        "correct the Aider settings of that model in your Lodestar configuration",
    )

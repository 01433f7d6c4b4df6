"""No repository map for models that are set up without one: Aider sends it to every model.

A small model's context is too short for it, and the demo model was never shown one.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from typing import Any

from lodestar_aider.compat import Need
from lodestar_aider.patch import Function, wrap

CODER = "aider.coders.base_coder"
NEEDS = (
    Need(CODER, "Coder.get_repo_map", ("self", "force_refresh")),
    Need(CODER, "Coder.get_announcements", ("self",)),
)
OPTION = "--map-tokens"
OFF = "Repo-map: off for this model"


def install(models: Iterable[Mapping[str, Any]], arguments: list[str]) -> None:
    """Obey `use_repo_map: false` of the models, unless the user sets a map's size."""
    without = frozenset(entry["name"] for entry in models if entry.get("use_repo_map") is False)
    if any(argument.split("=")[0] == OPTION for argument in arguments) or not without:
        return
    coder = importlib.import_module(CODER).Coder
    wrap(coder, "get_repo_map", _without_map(without))
    wrap(coder, "get_announcements", _say_so(without))


def _without_map(names: frozenset[str]) -> Any:
    def make(original: Function) -> Function:
        def get_repo_map(coder: Any, *args: Any, **kwargs: Any) -> Any:
            if coder.main_model.name in names:
                return None
            return original(coder, *args, **kwargs)

        return get_repo_map

    return make


def _say_so(names: frozenset[str]) -> Any:
    def make(original: Function) -> Function:
        def get_announcements(coder: Any) -> Any:
            lines = original(coder)
            if coder.main_model.name not in names:
                return lines
            return [OFF if line.startswith("Repo-map:") else line for line in lines]

        return get_announcements

    return make

"""What a project's `.lodestar.yaml` may set: little unasked, a little more once it is trusted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lodestar.config import Layer, parse_layer
from lodestar.errors import UsageError
from lodestar.trust.files import RepositoryFile
from lodestar.trust.limits import tighter, without_untrusted
from lodestar.trust.routing import tighter_routing

HARMLESS = frozenset({"profile", "main", "weak", "editor", "tier_ceiling", "limits", "routing"})
"""What a stranger's file may set: a choice among the user's own names, and tighter limits."""
TRUSTED = frozenset({"rating", "training", "aider"})
"""What it may set besides where the user trusts it; of `aider`, arguments of a list only."""


def read_project(path: Path, file: RepositoryFile | None) -> tuple[Layer, str]:
    """The file as it was read, and why it is left out, if it is."""
    nothing = Layer(str(path), {})
    if file is None:
        return nothing, "it is gone"
    if file.refused:
        return nothing, file.refused
    try:
        return parse_layer(file.data, path), ""
    except UsageError as error:
        return nothing, error.why


def permitted(layer: Layer, trusted: bool, quiet: bool) -> tuple[Layer, list[str]]:
    """The part that counts, and a line for each key that does not.

    `quiet` leaves out the lines of what the user has looked at and not trusted.
    """
    kept, ignored = {}, []
    for key, value in layer.values.items():
        if key == "limits" and not trusted:
            kept[key], gated = without_untrusted(layer, quiet)
            ignored += gated
        elif key in HARMLESS:
            kept[key] = value
        elif key not in TRUSTED:
            why = "a repository cannot set it"
            ignored.append(f"{layer.origin(str(key))}: `{key}` is ignored: {why}")
        elif not trusted:
            why = "it needs `lodestar trust`"
            ignored += [] if quiet else [f"{layer.origin(key)}: `{key}` is ignored: {why}"]
        elif key != "aider":
            # Aider's arguments go a way of their own: one by one through a list.
            kept[key] = value
    return Layer(layer.name, kept, layer.origins), ignored


def tightened(user: Mapping[str, Any], layer: Layer) -> tuple[Layer, list[str]]:
    """Drop what would loosen the user's limits; `user` is the settings without the project."""
    values, notes = dict(layer.values), []
    ceiling = values.get("tier_ceiling")
    if ceiling is not None and not (isinstance(ceiling, int) and ceiling <= user["tier_ceiling"]):
        del values["tier_ceiling"]
        notes.append(f"{layer.origin('tier_ceiling')}: a project cannot raise the tier ceiling")
    if values.get("routing"):
        values["routing"], more = tighter_routing(user["routing"], values["routing"], layer)
        notes += more
    limits = values.get("limits") or {}
    if not isinstance(limits, Mapping):
        del values["limits"]
        return Layer(layer.name, values, layer.origins), [
            *notes,
            f"{layer.origin('limits')}: `limits` is ignored: it must hold `key: value` lines",
        ]
    if limits:
        values["limits"], more = tighter(user["limits"], limits, layer)
        notes += more
    return Layer(layer.name, values, layer.origins), notes

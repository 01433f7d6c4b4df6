"""What a repository may say about routing: only what makes it more careful."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from lodestar.config import Layer
from lodestar.settings import RoutingSettings

_ESCALATE = ("never", "ask", "auto")
_LOOSER: Mapping[str, Callable[[Any, Any], bool]] = {
    "escalate": lambda own, new: _ESCALATE.index(new) > _ESCALATE.index(own),
    "escalate_after": lambda own, new: bool(new < own),
    "retries": lambda own, new: bool(new > own),
}
"""By setting, whether the second value allows more than the first."""
TIGHTENED = frozenset(f"routing.{key}" for key in _LOOSER)
PROFILE_ONLY = frozenset(f"routing.{key}" for key in RoutingSettings.model_fields) - TIGHTENED
"""A repository cannot set them; a profile of the user's that it asks for can, where trusted."""


def tighter_routing(
    user: Mapping[str, Any], routing: Any, layer: Layer
) -> tuple[dict[str, Any], list[str]]:
    """Those of a file's settings that do not loosen the user's, and a line for each other one."""
    kept: dict[str, Any] = {}
    if not isinstance(routing, Mapping):
        where = layer.origin("routing")
        return kept, [f"{where}: `routing` is ignored: it must hold `key: value` lines"]
    lines = []
    for key, value in routing.items():
        # A key that is not known is judged with the whole file.
        why = _refused(str(key), user, value) if key in RoutingSettings.model_fields else None
        if why is None:
            kept[key] = value
        else:
            origin = layer.origin(f"routing.{key}")
            lines.append(f"{origin}: `routing.{key}` is ignored: {why}")
    return kept, lines


def eased(own: RoutingSettings, new: RoutingSettings) -> str | None:
    """The first of the user's settings that the new ones loosen, or None."""
    found = (k for k, looser in _LOOSER.items() if looser(getattr(own, k), getattr(new, k)))
    return next(found, None)


def _refused(key: str, user: Mapping[str, Any], value: Any) -> str | None:
    if key not in _LOOSER:
        return "a repository cannot set it"
    try:
        parsed = getattr(RoutingSettings.model_validate({key: value}), key)
    except ValidationError:
        return "its value is not valid"
    return "a project can only tighten it" if _LOOSER[key](user[key], parsed) else None

"""What a repository may say about the user's limits: only what makes them tighter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from lodestar.config import Layer
from lodestar.settings import Limits

NEEDS_TRUST: Mapping[str, str] = {
    "on_limit": "decides what happens where a limit is reached",
    "wait_s": "decides how long a call waits for money that others hold",
}
"""Neither loosens nor tightens; `stop` from a stranger's file would end sessions."""
TIGHTENED = frozenset(f"limits.{key}" for key in Limits.model_fields if key not in NEEDS_TRUST)
GATED = frozenset(f"limits.{key}" for key in NEEDS_TRUST)
_SWITCHES = frozenset({"free_only", "count_suspend"})
"""These are tighter where they are on."""


def without_untrusted(layer: Layer, quiet: bool) -> tuple[Any, list[str]]:
    """The `limits` of a file that nobody trusts, and a line for each that needs it."""
    limits = layer.values["limits"]
    gated = [key for key in NEEDS_TRUST if isinstance(limits, Mapping) and key in limits]
    lines = [_ignored(layer, key, "it needs `lodestar trust`") for key in gated]
    kept = {key: limits[key] for key in limits if key not in gated} if gated else limits
    return kept, [] if quiet else lines


def tighter(
    user: Mapping[str, Any], limits: Mapping[str, Any], layer: Layer
) -> tuple[dict[str, Any], list[str]]:
    """Those of a file's limits that do not loosen the user's, and a line for each other one."""
    kept, lines = {}, []
    for key, value in limits.items():
        # A key that is not known, and one that is set to nothing, are judged with the whole file.
        if key not in Limits.model_fields or value is None:
            kept[key] = value
            continue
        parsed = _parsed(key, value)
        if parsed is None:
            lines.append(_ignored(layer, key, "its value is not valid"))
        elif loosens(key, user[key], parsed):
            lines.append(_ignored(layer, key, "a project can only tighten it"))
        else:
            kept[key] = value
    return kept, lines


def loosens(key: str, own: Any, new: Any) -> bool:
    """Whether the new value allows more than the user's own."""
    if key in _SWITCHES:
        return bool(own) and not new
    if key in NEEDS_TRUST or own is None:
        return False
    return new is None or bool(new > own)


def lifted(own: Limits, new: Limits) -> str | None:
    """The first of the user's limits that the new ones loosen, or None."""
    found = (k for k in Limits.model_fields if loosens(k, getattr(own, k), getattr(new, k)))
    return next(found, None)


def _parsed(key: str, value: Any) -> Any:
    """The value as the settings take it, or None where they do not."""
    try:
        return getattr(Limits.model_validate({key: value}), key)
    except ValidationError:
        return None


def _ignored(layer: Layer, key: str, why: str) -> str:
    return f"{layer.origin(f'limits.{key}')}: `limits.{key}` is ignored: {why}"

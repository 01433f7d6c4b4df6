"""Profiles: named ways of working, the user's own before the built-in."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from pathlib import Path

from lodestar.config import Layer, read_layer
from lodestar.errors import UsageError
from lodestar.paths import Home, builtin_profiles

KEYS = frozenset(
    {
        "main",
        "weak",
        "editor",
        "tier_ceiling",
        "limits",
        "aider",
        "rating",
        "training",
        "routing",
    }
)
NOT_PROFILES = frozenset({"models", "pull"})
"""Files among the built-in ones that hold something else."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z")


def profile_files(home: Home) -> Mapping[str, Path]:
    """Every profile by name; the user's file wins over a built-in of the same name."""
    files = builtin_profiles().glob("*.yaml")
    builtin = {path.stem: path for path in files if path.stem not in NOT_PROFILES}
    own = {p.stem: p for p in (home.root / "profiles").glob("*.yaml")}
    return dict(sorted({**builtin, **own}.items()))


def profile_layer(home: Home, name: str) -> tuple[Layer, str]:
    """A profile as a layer of settings, and its description. Raises UsageError."""
    files = profile_files(home)
    if not NAME.match(name) or name not in files:
        near = difflib.get_close_matches(name, files, 1)
        raise UsageError(
            f"there is no profile called `{name}`",
            f"known profiles: {', '.join(files)}",
            f"did you mean `{near[0]}`?" if near else f"make it: lodestar profile new {name}",
        )
    layer = read_layer(files[name])
    values = dict(layer.values)
    description = str(values.pop("description", ""))
    for key in values:
        if key not in KEYS:
            near = difflib.get_close_matches(str(key), KEYS, 1)
            raise UsageError(
                f"{layer.origin(str(key))}: a profile cannot set `{key}`",
                f"a profile may set: {', '.join(sorted(KEYS))}",
                f"did you mean `{near[0]}`?" if near else "move it to config.yaml",
            )
    return Layer(layer.name, values, layer.origins), description

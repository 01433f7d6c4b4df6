"""Everything a command needs to know, read once: settings, catalogue, project."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lodestar.catalog import Catalog
from lodestar.config import Layer, environment_layer, flag_layer, leaves, merge, read_layer
from lodestar.errors import UsageError
from lodestar.paths import Home, builtin_profiles, lodestar_home
from lodestar.profiles import profile_layer
from lodestar.project import Project, find_project, project_layer, tightened
from lodestar.settings import Settings

# What a profile that a project asks for may change without the user's word.
_PROJECT_MAY_CHANGE = frozenset(
    {"profile", "main", "weak", "editor", "tier_ceiling", "limits.session_minutes"}
)


@dataclass(frozen=True)
class Context:
    """The configuration of one run. `warnings` are lines for stderr."""

    home: Home
    settings: Settings
    catalog: Catalog
    project: Project
    origins: Mapping[str, str]
    warnings: tuple[str, ...] = field(default=())


def load(
    flags: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] = os.environ,
    folder: Path | None = None,
) -> Context:
    """Read flag > environment > project file > profile > config.yaml > default.

    Raises UsageError where the user's own files are wrong; a project's file that is wrong
    is left out with a warning.
    """
    home = lodestar_home(environ)
    project = find_project(folder or Path.cwd())
    sources = _Sources(home, environment_layer(environ), flag_layer(flags or {}))
    settings, origins = sources.merged(None)
    warnings: list[str] = []
    if project.file:
        settings, origins, warnings = sources.with_project(project.file, settings, origins)
    catalog = Catalog.load(settings, builtin_profiles())
    return Context(home, settings, catalog, project, origins, tuple(warnings))


class _Sources:
    def __init__(self, home: Home, environment: Layer, flags: Layer) -> None:
        self._home = home
        file = home.config_file
        self._config = read_layer(file) if file.is_file() else Layer(str(file), {})
        self._over = [environment, flags]

    def merged(self, project: Layer | None) -> tuple[Settings, dict[str, str]]:
        below = [self._config]
        chosen, _ = merge([*below, *([project] if project else []), *self._over])
        profile, _ = profile_layer(self._home, chosen.profile)
        return merge([*below, profile, *([project] if project else []), *self._over])

    def with_project(
        self, file: Path, user: Settings, origins: dict[str, str]
    ) -> tuple[Settings, dict[str, str], list[str]]:
        layer, notes = project_layer(file)
        layer, more = tightened(user.model_dump(), layer)
        notes += more
        try:
            settings, new_origins = self.merged(layer)
            problem = _overreach(user, settings)
        except UsageError as error:
            problem = error.what
        if problem:
            return user, origins, [*notes, f"{file}: ignored ({problem})"]
        return settings, new_origins, notes


def _overreach(user: Settings, settings: Settings) -> str | None:
    """Why a project's choice needs the user's trust, or None."""
    before, after = dict(leaves(user.model_dump())), dict(leaves(settings.model_dump()))
    for key in sorted(after.keys() | before.keys()):
        if before.get(key) != after.get(key) and key not in _PROJECT_MAY_CHANGE:
            return f"it would change `{key}`"
    if settings.tier_ceiling > user.tier_ceiling:
        return "it would raise the tier ceiling"
    own, new = user.limits.session_minutes, settings.limits.session_minutes
    if own is not None and (new is None or new > own):
        return "it would lift the session limit"
    return _costly_choice(user, settings)


def _costly_choice(user: Settings, settings: Settings) -> str | None:
    """Role by role: a model that the user pays for as editor is not theirs as main model."""
    catalog = Catalog.load(settings, builtin_profiles())
    for role in ("main", "weak", "editor"):
        alias = getattr(settings, role)
        if alias is None or alias == getattr(user, role):
            continue
        entry = catalog.get(alias)
        if entry.paid or entry.tier > user.tier_ceiling:
            return f"`{alias}` can cost money"
    return None

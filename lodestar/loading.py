"""Everything a command needs to know, read once: settings, catalogue, project."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lodestar.catalog import Catalog
from lodestar.config import Layer, environment_layer, flag_layer, leaves, merge, read_layer
from lodestar.errors import UsageError
from lodestar.paths import Home, builtin_profiles, lodestar_home
from lodestar.profiles import profile_layer
from lodestar.project import Project, find_project
from lodestar.settings import ModelEntry, Settings
from lodestar.terminal import visible
from lodestar.trust.limits import GATED, TIGHTENED, lifted
from lodestar.trust.line import Line, masked
from lodestar.trust.lines import arguments_of, lines_of
from lodestar.trust.pins import Pins, Standing
from lodestar.trust.project_file import permitted, read_project, tightened
from lodestar.trust.routing import PROFILE_ONLY, eased
from lodestar.trust.routing import TIGHTENED as TIGHTENED_ROUTING

if TYPE_CHECKING:
    from lodestar.local_models import LocalModels

# What a project's file, and a profile that it asks for, may change without the user's word.
_CHOICES = frozenset({"profile", "main", "weak", "editor", "tier_ceiling"})
_PROJECT_MAY_CHANGE = TIGHTENED | TIGHTENED_ROUTING | _CHOICES
# And with it. Which Aider is run, where requests go and what is kept are never among it.
_TRUSTED_MAY_CHANGE = (
    _PROJECT_MAY_CHANGE
    | GATED
    | PROFILE_ONLY
    | {
        "aider.args",
        "rating.enabled",
        "rating.timeout_s",
        "training.opt_in",
    }
)


@dataclass(frozen=True)
class Context:
    """The configuration of one run. `warnings` are lines for stderr.

    `standing` and `lines` are what the repository wants to set and what was decided about it;
    `repository_args` are Aider's arguments from it, empty unless it is trusted.
    """

    home: Home
    settings: Settings
    catalog: Catalog
    project: Project
    origins: Mapping[str, str]
    standing: Standing
    lines: tuple[Line, ...] = ()
    repository_args: tuple[str, ...] = ()
    warnings: tuple[str, ...] = field(default=())
    local: LocalModels | None = None
    """What the local aliases stand for in this run, where that was found out."""


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
    standing = Pins(home).standing(project)
    settings, origins = sources.merged(None)
    found = _Projected([])
    if project.file:
        found = sources.with_project(project.file, standing, settings)
        settings, origins = found.settings or settings, found.origins or origins
    lines = lines_of(standing, found.lines, found.left_out)
    return Context(
        home=home,
        settings=settings,
        catalog=Catalog.load(settings, builtin_profiles()),
        project=project,
        origins=origins,
        standing=standing,
        lines=lines,
        repository_args=tuple(arguments_of(lines) if standing.trusted else ()),
        warnings=tuple(found.warnings),
    )


def defaults(environ: Mapping[str, str] = os.environ) -> Context:
    """What holds where nothing is configured, for those who look at a broken configuration."""
    settings, project = Settings(), Project(Path.cwd(), None)
    return Context(
        home=lodestar_home(environ),
        settings=settings,
        catalog=Catalog.load(settings, builtin_profiles()),
        project=project,
        origins={},
        standing=Standing(project),
    )


@dataclass(frozen=True)
class _Projected:
    """The settings with a project's file over them, None where it does not count now.

    `left_out` says that it does not count even where the user trusts it.
    """

    warnings: list[str]
    lines: tuple[Line, ...] = ()
    settings: Settings | None = None
    origins: dict[str, str] | None = None
    left_out: bool = False


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

    def with_project(self, file: Path, standing: Standing, user: Settings) -> _Projected:
        name = standing.project_file or file.name
        read, why = read_project(file, standing.files.get(name))
        if why:
            return _Projected([f"{file}: ignored ({why})"], left_out=True)
        if wrong := self._wrong(read, user):
            line = _line(name, read, f"{wrong}, so the whole file is ignored", counts=False)
            return _Projected([f"{file}: ignored ({wrong})"], (line,), left_out=True)
        kept, notes = permitted(read, standing.trusted, quiet=standing.decision is not None)
        problem = self._needing_trust(read, user)
        choice = (_line(name, read, problem, counts=True),) if problem else ()
        if problem and not standing.trusted:
            seen = standing.decision is not None
            return _Projected(notes + [f"{file}: ignored ({problem})"] * (not seen), choice)
        layer, more = tightened(user.model_dump(), kept)
        return _Projected([*notes, *more], choice, *self.merged(layer))

    def _wrong(self, read: Layer, user: Settings) -> str | None:
        """Why the file could not count even where the user trusts it, or None."""
        kept, _ = permitted(read, trusted=True, quiet=True)
        layer, _ = tightened(user.model_dump(), kept)
        try:
            settings, _ = self.merged(layer)
            beyond = _overreach(user, settings, _TRUSTED_MAY_CHANGE)
            return beyond or _too_dear(user, settings)
        except UsageError as error:
            return error.what

    def _needing_trust(self, read: Layer, user: Settings) -> str | None:
        """Why a choice of profile or models needs the user's word, or None."""
        kept, _ = permitted(read, trusted=False, quiet=True)
        layer, _ = tightened(user.model_dump(), kept)
        settings, _ = self.merged(layer)
        return _overreach(user, settings, _PROJECT_MAY_CHANGE) or _costly(user, settings)


def _chooses(read: Layer) -> list[str]:
    return [key for key in ("profile", "main", "weak", "editor") if key in read.values]


def _line(name: str, read: Layer, effect: str, counts: bool) -> Line:
    """The line for what a file chooses; the file as a whole where it chooses nothing."""
    keys = _chooses(read)
    text = ", ".join(f"{key}: {read.values[key]}" for key in keys)
    number = int(read.origin(keys[0]).rpartition(":")[2]) if keys else 0
    return Line(name, number, visible(text) if counts else masked(text), effect, counts)


def _overreach(user: Settings, settings: Settings, may: frozenset[str]) -> str | None:
    """Why a project's choice needs more than `may` allows, or None."""
    before, after = dict(leaves(user.model_dump())), dict(leaves(settings.model_dump()))
    for key in sorted(after.keys() | before.keys()):
        if before.get(key) != after.get(key) and key not in may:
            return f"it would change `{key}`"
    if settings.tier_ceiling > user.tier_ceiling:
        return "it would raise the tier ceiling"
    loosened = lifted(user.limits, settings.limits)
    if loosened:
        named = "the session limit" if loosened == "session_minutes" else f"`limits.{loosened}`"
        return f"it would lift {named}"
    loosened = eased(user.routing, settings.routing)
    return f"it would loosen `routing.{loosened}`" if loosened else None


def _costly(user: Settings, settings: Settings) -> str | None:
    """Role by role: a model that the user pays for as editor is not theirs as main model."""
    for alias, entry in _chosen(user, settings):
        if entry.paid or entry.tier > user.tier_ceiling:
            return f"`{alias}` can cost money"
    return None


def _too_dear(user: Settings, settings: Settings) -> str | None:
    for alias, entry in _chosen(user, settings):
        if entry.tier > user.tier_ceiling:
            return f"`{alias}` can cost money, and is above your tier ceiling"
    return None


def _chosen(user: Settings, settings: Settings) -> Iterator[tuple[str, ModelEntry]]:
    """The models that are not the user's own choice in that role."""
    catalog = Catalog.load(settings, builtin_profiles())
    for role in ("main", "weak", "editor"):
        alias = getattr(settings, role)
        if alias is not None and alias != getattr(user, role):
            yield from ((alias, entry) for entry in catalog.reached(alias, settings))

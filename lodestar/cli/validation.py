"""Checking all configuration files, and naming the places where things are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lodestar.catalog import Catalog
from lodestar.config import Layer, flag_layer, merge, read_layer
from lodestar.errors import UsageError
from lodestar.loading import load
from lodestar.paths import Home, builtin_profiles, engine_socket, lodestar_home
from lodestar.profiles import profile_files, profile_layer
from lodestar.project import find_project
from lodestar.settings import Settings


def check_everything() -> Iterator[str]:
    """A line for each file that is right. Raises UsageError at the first that is not."""
    home = lodestar_home()
    base = _base(home)
    _check_names(merge([base])[0])
    yield f"{home.config_file}: {'ok' if home.config_file.is_file() else 'not there, defaults'}"
    for name, file in profile_files(home).items():
        check_profile(home, name)
        yield f"{file}: ok"
    context = load()
    _check_names(context.settings)
    if context.warnings:
        why = "a project's file may only choose among your models and tighten your limits"
        raise UsageError(context.warnings[0], why, f"correct {context.project.file}")
    if context.project.file:
        yield f"{context.project.file}: ok"


def check_profile(home: Home, name: str) -> None:
    """Raises UsageError unless the profile can be used with the user's configuration."""
    layer, _ = profile_layer(home, name)
    settings, _ = merge([_base(home), layer])
    _check_names(settings)


def check_change(home: Home, key: str, value: Any) -> None:
    """Raises UsageError unless the user's configuration would stand with this value."""
    change = flag_layer({key: value})
    merge([change])
    settings, _ = merge([_base(home), change])
    _check_names(settings)
    profile_layer(home, settings.profile)


def places() -> Mapping[str, Path]:
    """Where things are kept, whether they exist yet or not."""
    home = lodestar_home()
    root = home.root
    found = {"config": home.config_file, "home": root, "database": home.database}
    found |= {name: root / name for name in ("profiles", "models", "adapters", "datasets", "trust")}
    found |= {"logs": root / "logs", "socket": engine_socket(root)}
    found["built-in profiles"] = builtin_profiles()
    project = find_project(Path.cwd())
    found["project"] = project.root
    return {**found, "project file": project.file} if project.file else found


def _base(home: Home) -> Layer:
    file = home.config_file
    return read_layer(file) if file.is_file() else Layer(str(file), {})


def _check_names(settings: Settings) -> None:
    catalog = Catalog.load(settings, builtin_profiles())
    for alias in (settings.main, settings.weak, settings.editor):
        if alias is not None:
            catalog.get(alias)

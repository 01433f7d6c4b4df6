"""Finding modules and calling their hooks, so that none can hurt the others."""

from __future__ import annotations

import importlib
import logging
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pluggy
import yaml

import lodestar.modules
from lodestar import hookspecs
from lodestar.settings import Settings

log = logging.getLogger("lodestar.plugins")


@dataclass(frozen=True)
class Module:
    """One feature folder: its name, where it is, its merged configuration."""

    name: str
    folder: Path
    config: Mapping[str, Any]

    @property
    def enabled(self) -> bool:
        return bool(self.config.get("enabled", True))


def find_modules(overrides: Mapping[str, Mapping[str, Any]]) -> list[Module]:
    """Every module folder, its config.yaml overlaid with the user's `modules` section."""
    found = []
    for info in sorted(pkgutil.iter_modules(lodestar.modules.__path__), key=lambda m: m.name):
        folder = Path(getattr(info.module_finder, "path", ".")) / info.name
        config = {**_defaults(folder / "config.yaml"), **overrides.get(info.name, {})}
        found.append(Module(info.name, folder, config))
    return found


def _defaults(file: Path) -> Mapping[str, Any]:
    """A module's own settings; one whose file is broken is switched off."""
    try:
        config = yaml.safe_load(file.read_text("utf-8")) if file.is_file() else None
        return dict(config or {})
    except (OSError, ValueError, TypeError, yaml.YAMLError):
        log.exception("%s cannot be read and its module is left out", file)
        return {"enabled": False}


class Plugins:
    """The enabled modules behind their hooks.

    An implementation that fails is logged and left out; the rest still run.
    """

    def __init__(self, manager: pluggy.PluginManager, modules: Sequence[Module]) -> None:
        self._manager = manager
        self.modules = tuple(modules)

    @classmethod
    def load(cls, settings: Settings) -> Plugins:
        """Import the enabled modules and other people's from the entry-point group."""
        manager = pluggy.PluginManager("lodestar")
        manager.add_hookspecs(hookspecs)
        modules = find_modules(settings.modules)
        for module in modules:
            if module.enabled:
                _register(manager, f"lodestar.modules.{module.name}.plugin", module.name)
        for point in entry_points(group="lodestar"):
            if settings.modules.get(point.name, {}).get("enabled", True):
                _register(manager, point.module, point.name)
        return cls(manager, modules)

    def implementations(self, hook: str) -> Iterator[tuple[str, Any]]:
        """(module name, hook implementation) in calling order."""
        for impl in reversed(getattr(self._manager.hook, hook).get_hookimpls()):
            yield impl.plugin_name, impl

    def collect(self, hook: str, **arguments: Any) -> list[Any]:
        """Call every implementation; the results that are not None, failures left out."""
        called = [
            self._guarded(name, impl, hook, arguments) for name, impl in self.implementations(hook)
        ]
        return [result for result in called if result is not None]

    def filter(self, hook: str, value: str, **arguments: Any) -> Any:
        """Pass `arguments[value]` through every implementation in turn."""
        for name, impl in self.implementations(hook):
            result = self._guarded(name, impl, hook, arguments)
            if result is not None:
                arguments[value] = result
        return arguments[value]

    @staticmethod
    def _guarded(name: str, impl: Any, hook: str, arguments: Mapping[str, Any]) -> Any:
        try:
            return call(impl, arguments)
        except Exception:
            log.exception("module %s failed in %s and was skipped", name, hook)
            return None


def call(impl: Any, arguments: Mapping[str, Any]) -> Any:
    """Call one implementation with those of the arguments that it names."""
    return impl.function(*(arguments[name] for name in impl.argnames))


def _register(manager: pluggy.PluginManager, path: str, name: str) -> None:
    try:
        manager.register(importlib.import_module(path), name)
    except Exception:
        log.exception("module %s cannot be loaded and is left out", name)

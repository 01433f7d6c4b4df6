"""Reading the configuration: layers of YAML, environment and flags into frozen settings."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from lodestar.errors import UsageError
from lodestar.settings import Frozen, ModelEntry, OwnPrice, Settings

DEEPEST = 64
_NAMED = {"models": ModelEntry, "prices": OwnPrice}
RESERVED = frozenset({"HOME", "DEBUG", "NO_INPUT", "PYTHON", "LLAMA_WHEEL", "WHEEL_CACHE"})


@dataclass(frozen=True)
class Layer:
    """One source of settings: values as read, and where each dotted key came from."""

    name: str
    values: Mapping[str, Any]
    origins: Mapping[str, str] = field(default_factory=dict)

    def origin(self, key: str) -> str:
        """`file:line` of a dotted key, or of its nearest parent, else the layer's name."""
        while key:
            if key in self.origins:
                return self.origins[key]
            key = key.rpartition(".")[0]
        return self.name


def read_layer(path: Path) -> Layer:
    """Read a YAML file with the line of each key. Raises UsageError on anything but a mapping."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}", _one_line(error), "correct the file") from error
    return parse_layer(data, path)


def parse_layer(data: bytes, path: Path) -> Layer:
    """The same for bytes that were read from `path` already."""
    try:
        node = compose(data)
        values = yaml.safe_load(data.decode("utf-8")) or {}
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise UsageError(f"cannot read {path}", _one_line(error), "correct the file") from error
    if not isinstance(values, dict):
        raise UsageError(f"{path} is not a mapping", "it must hold `key: value` lines", "see docs")
    return Layer(str(path), values, dict(_lines(node, path)))


def compose(data: bytes) -> yaml.Node | None:
    """The nodes of a YAML document. Raises ValueError, RecursionError or yaml.YAMLError."""
    text = data.decode("utf-8")
    if _depth(text) > DEEPEST:
        # The time that the parser takes grows with the square of the depth.
        raise ValueError("it is nested too deeply")
    if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text)):
        # A few nested aliases stand for more text than fits in memory.
        raise ValueError("YAML aliases (*name) are not supported")
    return yaml.compose(text, Loader=yaml.SafeLoader)


def _depth(text: str) -> int:
    """At most so many brackets are open at once; those in strings count, too."""
    step = {"[": 1, "{": 1, "]": -1, "}": -1}
    return max(accumulate(step[mark] for mark in text if mark in step), default=0)


def environment_layer(environ: Mapping[str, str]) -> Layer:
    """`LODESTAR_<KEY>` variables; `__` steps into a section, values are YAML."""
    values: dict[str, Any] = {}
    origins = {}
    for name, text in sorted(environ.items()):
        path = name.removeprefix("LODESTAR_").lower().split("__")
        if not name.startswith("LODESTAR_") or path[0] not in Settings.model_fields:
            continue
        if name.removeprefix("LODESTAR_") not in RESERVED:
            _put(values, path, _scalar(name, text))
            origins[".".join(path)] = f"${name}"
    return Layer("environment", values, origins)


def flag_layer(flags: Mapping[str, Any]) -> Layer:
    """Dotted keys given on the command line; None means not given."""
    values: dict[str, Any] = {}
    given = {key: value for key, value in flags.items() if value is not None}
    for key, value in given.items():
        _put(values, key.split("."), value)
    return Layer("flag", values, dict.fromkeys(given, "command line"))


def merge(layers: Sequence[Layer]) -> tuple[Settings, dict[str, str]]:
    """Merge layers, the weakest first; returns the settings and the origin of each leaf.

    Raises UsageError naming file, line and the nearest valid key.
    """
    merged: dict[str, Any] = {}
    for layer in layers:
        _check(layer)
        _overlay(merged, layer.values)
    settings = _validated(merged, layers)
    return settings, {key: _origin(key, layers) for key, _ in leaves(settings.model_dump())}


def leaves(values: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    """(dotted key, value) of every leaf; an empty mapping is a leaf."""
    for key, value in values.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            yield from leaves(value, f"{path}.")
        else:
            yield path, value


def _validated(values: Mapping[str, Any], layers: Sequence[Layer]) -> Settings:
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise _explain(error, layers) from error


def _check(layer: Layer) -> None:
    """Validate a layer alone, so that an error names the file it is in."""
    try:
        Settings.model_validate(layer.values)
    except ValidationError as error:
        raise _explain(error, [layer]) from error


def _explain(error: ValidationError, layers: Sequence[Layer]) -> UsageError:
    # A misspelt key is named before the key that is missing because of it.
    first = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    key = ".".join(str(part) for part in first["loc"] if part != "[key]")
    where = layers[0].origin(key) if len(layers) == 1 else _origin(key, layers)
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(first["loc"][-1]), _siblings(first["loc"]), 1)
        hint = f"did you mean `{near[0]}`?" if near else "remove it"
        return UsageError(f"{where}: unknown key `{key}`", "Lodestar would ignore it", hint)
    why = str(first["msg"]).removeprefix("Value error, ")
    return UsageError(f"{where}: `{key}` is not valid", why, "correct it and try again")


def _siblings(location: Sequence[Any]) -> list[str]:
    model: Any = Settings
    for part in location[:-1]:
        annotation = model.model_fields[part].annotation if part in model.model_fields else None
        if model is Settings and part in _NAMED:
            model = _NAMED[part]
        elif isinstance(annotation, type) and issubclass(annotation, Frozen):
            model = annotation
    return list(model.model_fields)


def _origin(key: str, layers: Sequence[Layer]) -> str:
    for layer in reversed(layers):
        if _has(layer.values, key.split(".")):
            return layer.origin(key)
    return "default"


def _has(values: Any, path: Sequence[str]) -> bool:
    for part in path:
        if not isinstance(values, Mapping) or part not in values:
            return False
        values = values[part]
    return True


def _put(values: dict[str, Any], path: Sequence[str], value: Any) -> None:
    for part in path[:-1]:
        values = values.setdefault(part, {})
    values[path[-1]] = value


def _overlay(base: dict[str, Any], over: Mapping[str, Any]) -> None:
    for key, value in over.items():
        if isinstance(value, Mapping) and isinstance(base.get(key), dict):
            _overlay(base[key], value)
        else:
            base[key] = _copy(value)


def _copy(value: Any) -> Any:
    return {k: _copy(v) for k, v in value.items()} if isinstance(value, Mapping) else value


def _scalar(name: str, text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UsageError(
            f"${name} cannot be read", _one_line(error), "give a plain value"
        ) from error


def _lines(node: yaml.Node | None, path: Path, prefix: str = "") -> Iterable[tuple[str, str]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            name = f"{prefix}{key.value}"
            yield name, f"{path}:{key.start_mark.line + 1}"
            yield from _lines(value, path, f"{name}.")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())

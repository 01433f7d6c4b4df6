"""Changing one entry of config.yaml; every other character, comments too, stays as it is."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from lodestar.config import Layer, merge, read_layer
from lodestar.errors import UsageError
from lodestar.paths import write_private


def set_value(path: Path, keys: Sequence[str], value: Any) -> None:
    """Set the entry at `keys` (["models", "mine"]); the file is made where there is none.

    Raises UsageError, with the file unchanged, where the result would not be valid settings
    or the file is written in a way that cannot be edited safely.
    """
    text, data = _read(path)
    expected = copy.deepcopy(data)
    _put(expected, keys, value)
    _write(path, _set(text, keys, expected), expected)


def change_values(path: Path, keys: Sequence[str], values: Mapping[str, Any]) -> None:
    """Set or, where the value is None, remove what is below the section at `keys`.

    What else is in the section stays, comments too. Raises UsageError as `set_value` does.
    """
    change_places(path, [([*keys, name], value) for name, value in values.items()])


def change_places(path: Path, changes: Sequence[tuple[Sequence[str], Any]]) -> None:
    """Set or, where the value is None, remove several entries, all of them or none.

    A section that becomes empty goes, too. Raises UsageError as `set_value` does.
    """
    text, data = _read(path)
    expected = copy.deepcopy(data)
    try:
        for keys, value in changes:
            if value is not None:
                _put(expected, keys, value)
                text = _set(text, keys, expected)
            elif _drop(expected, list(keys)):
                text = _remove(text, _emptied(expected, keys))
    except yaml.YAMLError as error:
        # The first of them has damaged it: a file that is all in braces, for one.
        raise _unsafe(path) from error
    _write(path, text, expected)


def remove_value(path: Path, keys: Sequence[str]) -> bool:
    """Remove the entry at `keys`, and a section that becomes empty; False where it is not there.

    Raises UsageError as `set_value` does.
    """
    text, data = _read(path)
    expected = copy.deepcopy(data)
    if not _drop(expected, list(keys)):
        return False
    _write(path, _remove(text, _emptied(expected, keys)), expected)
    return True


def _emptied(expected: Mapping[str, Any], keys: Sequence[str]) -> Sequence[str]:
    """The outermost section that went with what was at `keys`."""
    while len(keys) > 1 and not _has(expected, keys[:-1]):
        keys = keys[:-1]
    return keys


def _read(path: Path) -> tuple[str, dict[str, Any]]:
    if not path.exists():
        return "", {}
    data = read_layer(path).values
    with path.open(encoding="utf-8", newline="") as stream:
        return stream.read().removeprefix("\ufeff"), dict(data)


def _write(path: Path, text: str, expected: Mapping[str, Any]) -> None:
    try:
        result = yaml.safe_load(text) or {}
    except yaml.YAMLError:
        result = None
    if result != expected:
        raise _unsafe(path)
    merge([Layer(str(path), expected)])
    # A link (a dotfiles folder, for one) stays a link: what it points to is replaced.
    write_private(path.resolve(), text)


def _unsafe(path: Path) -> UsageError:
    return UsageError(
        f"{path} cannot be changed safely",
        "it is written in a way that this edit would damage; nothing was changed",
        "make the change by hand",
    )


def _set(text: str, keys: Sequence[str], expected: Mapping[str, Any]) -> str:
    newline = "\r\n" if "\r\n" in text else "\n"
    parent, depth = _deepest(yaml.compose(text, Loader=yaml.SafeLoader), keys)
    # A section in flow style has no lines of its own, so it is written anew as a whole.
    value: Any = expected
    for key in keys[: depth + 1]:
        value = value[key]
    block = _dump({keys[depth]: value}).replace("\n", newline)
    if parent is None:
        gap = newline if text and not text.endswith("\n") else ""
        return text + gap + block
    column = parent.value[0][0].start_mark.column
    block = _indented(block, column).rstrip("\r\n")
    entry = _entry(parent, keys[depth])
    if entry is None:
        position = _line_end(text, _end(parent))
        return text[:position] + newline + block + text[position:]
    return _replaced(text, entry, block.lstrip(" "))


def _replaced(text: str, entry: tuple[yaml.Node, yaml.Node], block: str) -> str:
    key, value = entry
    end = _end(value)
    if not isinstance(value, yaml.ScalarNode):
        end = _line_end(text, end)
    return text[: key.start_mark.index] + block + text[end:]


def _remove(text: str, keys: Sequence[str]) -> str:
    parent, depth = _deepest(yaml.compose(text, Loader=yaml.SafeLoader), keys)
    entry = _entry(parent, keys[depth]) if parent is not None and depth == len(keys) - 1 else None
    if entry is None:
        return text
    start = text.rfind("\n", 0, entry[0].start_mark.index) + 1
    end = _line_end(text, _end(entry[1]))
    return text[:start] + text[end:].removeprefix("\r").removeprefix("\n")


def _deepest(root: Any, keys: Sequence[str]) -> tuple[yaml.MappingNode | None, int]:
    """The innermost block mapping on the way to `keys`, and how many keys lead to it."""
    found: tuple[yaml.MappingNode | None, int] = (None, 0)
    node = root
    for depth, key in enumerate(keys):
        if not isinstance(node, yaml.MappingNode) or node.flow_style or not node.value:
            break
        found = (node, depth)
        entry = _entry(node, key)
        node = entry[1] if entry else None
    return found


def _entry(node: yaml.MappingNode, name: str) -> tuple[yaml.Node, yaml.Node] | None:
    return next(((k, v) for k, v in node.value if k.value == name), None)


def _end(node: yaml.Node) -> int:
    """Where a node's own text ends; PyYAML's mark of a block lies behind later comments."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)


def _line_end(text: str, position: int) -> int:
    found = text.find("\n", position)
    end = len(text) if found < 0 else found
    return end - 1 if text[max(position, end - 1) : end] == "\r" else end


def _dump(value: Any) -> str:
    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, default_flow_style=False))


def _indented(block: str, column: int) -> str:
    return "".join(" " * column + line for line in block.splitlines(keepends=True))


def _put(data: dict[str, Any], keys: Sequence[str], value: Any) -> None:
    for key in keys[:-1]:
        if not isinstance(data.get(key), dict):
            data[key] = {}
        data = data[key]
    data[keys[-1]] = value


def _drop(data: dict[str, Any], keys: list[str]) -> bool:
    if not isinstance(data, dict) or keys[0] not in data:
        return False
    if len(keys) == 1:
        del data[keys[0]]
        return True
    dropped = _drop(data[keys[0]], keys[1:])
    if dropped and not data[keys[0]]:
        del data[keys[0]]
    return dropped


def _has(data: Any, keys: Sequence[str]) -> bool:
    for key in keys:
        if not isinstance(data, dict) or key not in data:
            return False
        data = data[key]
    return True

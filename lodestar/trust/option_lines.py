"""Lines about Aider's options: in its own configuration, or as arguments in `.lodestar.yaml`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import yaml

from lodestar.terminal import visible
from lodestar.trust import options
from lodestar.trust.files import READ_LIMIT, RepositoryFile, read_file
from lodestar.trust.line import SHOWN, Line, masked
from lodestar.trust.options import ALLOWED, NEVER


def option_lines(
    root: Path, file: RepositoryFile, key: yaml.Node, value: yaml.Node
) -> Iterator[Line]:
    """The lines for one key of Aider's configuration, one for each value."""
    name = str(key.value).removeprefix("--") if isinstance(key, yaml.ScalarNode) else ""
    if name not in ALLOWED and name not in NEVER:
        return
    entries = value.value if isinstance(value, yaml.SequenceNode) else [value]
    for entry in entries:
        number = entry.start_mark.line + 1
        if not isinstance(entry, yaml.ScalarNode) or (
            entry is not value and name in ALLOWED and ALLOWED[name].kind != "list"
        ):
            yield Line(file.name, number, f"{name}: ...", "is ignored: it is not a plain value")
        else:
            yield option_line(root, file.name, number, name, str(entry.value))


def option_line(root: Path, file: str, number: int, name: str, value: str) -> Line:
    """The line for one option with one value, as it was read."""
    if name in NEVER:
        return Line(file, number, masked(f"{name}: {value}"), NEVER[name])
    text = f"{name}: {visible(value)}"
    problem = options.objection(name, value)
    if problem:
        return Line(file, number, text[:SHOWN], f"is ignored: {problem}")
    option = ALLOWED[name]
    arguments = options.arguments(name, value)
    effect = option.effect.format(value)
    if option.kind == "flag" and arguments != (f"--{name}",):
        effect = f"switches off: {effect}"
    if not option.path:
        return Line(file, number, text, effect, True, arguments)
    return _reading(root, Line(file, number, text, effect), value)


def _reading(root: Path, line: Line, value: str) -> Line:
    """A file of the repository that the model is shown: a plain one, inside, without links."""
    name = os.path.normpath(value)
    if os.path.isabs(name) or name.split(os.sep)[0] in ("..", ".", "~"):
        return replace(line, effect="is ignored: it is not a file inside this repository")
    found = read_file(root, name, READ_LIMIT)
    if found is None or found.refused:
        reason = found.refused if found else "there is no such file"
        return replace(line, effect=f"is ignored: {reason}")
    path = os.path.join(os.path.realpath(root), name)
    return replace(line, counts=True, arguments=(f"--read={path}",), read=found)

"""Lines about Lodestar's own settings, in `.lodestar.yaml`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import yaml

from lodestar.terminal import visible
from lodestar.trust import options
from lodestar.trust.files import RepositoryFile
from lodestar.trust.limits import NEEDS_TRUST, TIGHTENED
from lodestar.trust.line import SHOWN, Line, masked
from lodestar.trust.option_lines import option_line
from lodestar.trust.options import ALLOWED, NEVER
from lodestar.trust.project_file import HARMLESS, TRUSTED
from lodestar.trust.routing import TIGHTENED as TIGHTENED_ROUTING


def setting_lines(
    root: Path, file: RepositoryFile, key: yaml.Node, value: yaml.Node
) -> Iterator[Line]:
    """The lines for one key of `.lodestar.yaml`; none for what it may set unasked."""
    name = str(key.value) if isinstance(key, yaml.ScalarNode) else "..."
    number = key.start_mark.line + 1
    if name in _PARTLY and isinstance(value, yaml.MappingNode):
        for inner, what in value.value:
            if f"{name}.{inner.value}" not in _UNASKED:
                yield from _setting(root, file, f"{name}.{inner.value}", inner, what)
        return
    if name in HARMLESS:
        return
    if name not in TRUSTED:
        yield Line(file.name, number, visible(f"{name}: ..."), "a repository cannot set it")
    elif not isinstance(value, yaml.MappingNode):
        yield Line(file.name, number, f"{name}: ...", "is ignored: it is not a section")
    else:
        for inner, what in value.value:
            yield from _setting(root, file, f"{name}.{inner.value}", inner, what)


def _setting(
    root: Path, file: RepositoryFile, key: str, inner: yaml.Node, value: yaml.Node
) -> Iterator[Line]:
    number = inner.start_mark.line + 1
    if key == "aider.args" and isinstance(value, yaml.SequenceNode):
        yield from _arguments(root, file, value)
        return
    effect = _SETTINGS.get(key)
    shown = str(value.value) if isinstance(value, yaml.ScalarNode) else "..."
    text = visible(f"{key}: {shown}")[:SHOWN]
    yield Line(file.name, number, text, effect or "a repository cannot set it", effect is not None)


_PARTLY = frozenset({"limits", "routing"})
_UNASKED = TIGHTENED | TIGHTENED_ROUTING
_SETTINGS = {
    "training.opt_in": "decides whether answers of this project may become training data",
    "rating.enabled": "decides whether you are asked for a rating",
    "rating.timeout_s": "decides how long the rating waits for you",
    **{f"limits.{key}": effect for key, effect in NEEDS_TRUST.items()},
}


def _arguments(root: Path, file: RepositoryFile, value: yaml.SequenceNode) -> Iterator[Line]:
    if not all(isinstance(node, yaml.ScalarNode) for node in value.value):
        number = value.start_mark.line + 1
        yield Line(file.name, number, "aider.args: ...", "is ignored: it is not a list of words")
        return
    words = [str(node.value) for node in value.value]
    for position, name, word in options.split(words):
        number = value.value[position].start_mark.line + 1
        if name in ALLOWED or name in NEVER:
            yield option_line(root, file.name, number, name, word)
        else:
            text = masked(words[position])
            yield Line(file.name, number, text, "a repository cannot set this option")

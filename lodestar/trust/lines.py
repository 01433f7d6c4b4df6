"""The lines of a repository's files that would change something, and what each would do."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

import yaml

from lodestar.config import compose
from lodestar.terminal import visible
from lodestar.trust.files import (
    AIDER_CONFIG,
    ENVIRONMENT,
    MODEL_METADATA,
    MODEL_SETTINGS,
    RepositoryFile,
)
from lodestar.trust.line import SHOWN, Line, masked
from lodestar.trust.option_lines import option_lines
from lodestar.trust.options import ALLOWED, NEVER
from lodestar.trust.pins import Standing
from lodestar.trust.setting_lines import setting_lines

Look = Callable[[yaml.Node, yaml.Node], "Iterator[Line]"]
MOST = 200
"""More lines than anybody reads: then none of them counts."""
_VARIABLE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=(.*)")
_KEYS = re.compile(r"(_KEY|_TOKEN|_SECRET|_PASSWORD)\Z", re.IGNORECASE)
_SERVERS = re.compile(r"(_API_BASE|_BASE_URL|_PROXY|_ENDPOINT|_HOST)\Z", re.IGNORECASE)
_PROGRAMS = re.compile(
    r"(AIDER|LITELLM|USE_LITELLM|LODESTAR|GIT|PYTHON|LD|DYLD)_|PYTHON|(PATH|SHELL|EDITOR|BROWSER)\Z"
)
_ROUTING = re.compile(rb"api_base|base_url|api_key|extra_headers|proxy", re.IGNORECASE)


def lines_of(
    standing: Standing, own: Iterable[Line] = (), left_out: bool = False
) -> tuple[Line, ...]:
    """All of them: what cannot be trusted first, commands last, next to the question.

    `own` are lines that came of reading the project's file; where it is `left_out`, none counts.
    """
    # One more than is read: a line may stand for a file that is read for it.
    every = (line for file in standing.files.values() for line in _lines(standing, file))
    found = list(islice(every, MOST + 1))
    if len(found) > MOST:
        found = [_off(line) for line in found[:MOST]]
        why = "more lines than anybody reads, so none of them counts"
        found.append(Line(AIDER_CONFIG, 0, "...", why))
    found += own
    if left_out:
        found = [_off(line) if line.file == standing.project_file else line for line in found]
    found = list(_overridden(sorted(found, key=_place)))
    return tuple(_with_tests(sorted(found, key=_place)))


def arguments_of(lines: Iterable[Line]) -> list[str]:
    """What Aider is told where the lines are trusted."""
    return [word for line in lines if line.counts for word in line.arguments]


def _place(line: Line) -> tuple[bool, bool]:
    return line.counts, line.runs


def _off(line: Line) -> Line:
    return replace(line, counts=False, arguments=(), read=None)


def _overridden(lines: Sequence[Line]) -> Iterator[Line]:
    """Of an option with one value, Aider takes the last: the others are said to lose."""
    last = {name: line for line in lines if (name := _single(line))}
    for line in lines:
        winner = last.get(_single(line), line)
        effect = f"is overridden by {winner.where}"
        yield line if winner is line else replace(_off(line), effect=effect)


def _single(line: Line) -> str:
    """The option that the line sets, where it has one value; else nothing."""
    word = line.arguments[0] if line.counts and line.arguments else ""
    name = word.partition("=")[0].removeprefix("--").removeprefix("no-")
    return name if name in ALLOWED and ALLOWED[name].kind != "list" else ""


def _lines(standing: Standing, file: RepositoryFile) -> Iterable[Line]:
    name = os.path.basename(file.name)
    if file.refused:
        return [Line(file.name, 0, "", f"is not read: {file.refused}")]
    root = standing.project.root
    if name == AIDER_CONFIG:
        return _yaml_lines(file, lambda key, value: option_lines(root, file, key, value))
    if file.name == standing.project_file:
        return _yaml_lines(file, lambda key, value: setting_lines(root, file, key, value))
    if name == ENVIRONMENT:
        return _variables(file)
    if name in (MODEL_SETTINGS, MODEL_METADATA):
        return _models(file)
    return []


def _yaml_lines(file: RepositoryFile, look: Look) -> Iterator[Line]:
    try:
        node = compose(file.data)
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        reason = visible(" ".join(str(error).split()))[:SHOWN]
        yield Line(file.name, 0, "", f"is not read: {reason}")
        return
    if node is None:
        return
    if not isinstance(node, yaml.MappingNode):
        yield Line(file.name, 0, "", "is not read: it must hold `key: value` lines")
        return
    for key, value in node.value:
        yield from look(key, value)


def _variables(file: RepositoryFile) -> Iterator[Line]:
    for number, text in enumerate(file.data.decode("utf-8", "replace").splitlines(), start=1):
        match = _VARIABLE.match(text)
        if match is None:
            continue
        name, value = match[1], match[2].strip()
        if _KEYS.search(name):
            yield Line(file.name, number, f"{name}=***", "sets a key: Aider gets none of yours")
        elif _SERVERS.search(name):
            yield Line(file.name, number, masked(f"{name}={value}"), NEVER["openai-api-base"])
        elif _PROGRAMS.match(name):
            effect = "would steer a program that is run"
            yield Line(file.name, number, masked(f"{name}={value}"), effect)


def _models(file: RepositoryFile) -> Iterator[Line]:
    """Never applied; the lines that would have redirected are named one by one."""
    yield Line(file.name, 0, "", "would change how models are called: yours are in config.yaml")
    for number, raw in enumerate(file.data.splitlines(), start=1):
        if _ROUTING.search(raw):
            text = masked(raw.decode("utf-8", "replace").strip())
            yield Line(file.name, number, text, NEVER["openai-api-base"])


def _with_tests(lines: Iterable[Line]) -> Iterator[Line]:
    """When the test command runs depends on another line."""
    found = list(lines)
    words = arguments_of(found)
    switches = [word for word in words if word in ("--auto-test", "--no-auto-test")]
    when = " after each edit" if switches[-1:] == ["--auto-test"] else " on /test"
    for line in found:
        tests = any(word.startswith("--test-cmd=") for word in line.arguments)
        yield replace(line, effect=line.effect + when) if tests else line

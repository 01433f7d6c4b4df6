"""Which values a parameter takes, told by its name, and what fits at the cursor."""

from __future__ import annotations

from collections.abc import Sequence

import click
from click.shell_completion import CompletionItem, ShellComplete

from lodestar.cli.completion import values
from lodestar.cli.completion.values import Source

# What a name stands for in every command, the modules' included ...
_BY_NAME: dict[str, Source] = {
    **dict.fromkeys(("alias", "aliases", "fallback", "model", "one", "other"), values.aliases),
    **dict.fromkeys(("since", "until"), values.days),
    "profile": values.profiles,
    "project": values.projects,
    "tag": values.tags,
    "branch": values.branches,
    "kind": values.kinds,
    "provider": values.providers,
    "filter": values.filters,
}
# ... and where it stands for something else, or for something that does not exist yet.
_BY_COMMAND: dict[tuple[str, str], Source] = {
    ("config set", "key"): values.settings,
    ("config unset", "key"): values.settings,
    ("keys list", "alias"): values.key_owners,
    ("keys remove", "name"): values.key_owners,
    ("keys set", "name"): values.key_owners,
    ("keys test", "alias"): values.key_owners,
    ("log list", "session"): values.sessions,
    ("log list", "status"): values.statuses,
    ("log show", "id"): values.exchanges,
    ("models add", "alias"): values.words(),
    ("models add", "model"): values.words(),
    ("models edit", "model"): values.words(),
    ("models pull", "model"): values.offers,
    ("profile new", "from_"): values.profiles,
    ("profile show", "name"): values.profiles,
    ("profile use", "name"): values.profiles,
    ("rate", "exchange"): values.rated,
    ("rate", "reason"): values.words("wrong", "incomplete", "format", "overmuch"),
    ("rate", "verdict"): values.words("good", "bad"),
}


_FOLDERS = frozenset({"project"})
"""Where a folder can be named that no value knows."""


class Valued(click.types.StringParamType):
    """A text that a source has values for."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The source's values that begin so."""
        found = [
            CompletionItem(value, help=about)
            for value, about in self.source()
            if value.startswith(incomplete)
        ]
        return found or _Named("dir").shell_complete(ctx, param, incomplete)


class _Named(click.types.StringParamType):
    """A text that is the name of a file or a folder: the shell knows them."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        if self.kind == "dir" and param.name not in _FOLDERS:
            return []
        return [CompletionItem(incomplete, type=self.kind)]


def fitting(root: click.Command, typed: Sequence[str], last: str) -> list[CompletionItem]:
    """What can stand in the place of `last` after the words `typed`."""
    _give_values(root, ())
    option, equals, value = last.partition("=")
    if not equals or not option.startswith("--"):
        return _found(root, typed, last)
    found = _found(root, (*typed, option), value)
    for item in found:
        # The shell replaces the whole word.
        item.value = f"{option}={item.value}"
    return found


def _found(root: click.Command, typed: Sequence[str], last: str) -> list[CompletionItem]:
    return ShellComplete(root, {}, "lodestar", "").get_completions(list(typed), last)


def source_of(path: Sequence[str], parameter: click.Parameter) -> Source | None:
    """Where the values of a command's parameter come from."""
    name = parameter.name or ""
    return _BY_COMMAND.get((" ".join(path), name)) or _BY_NAME.get(name)


def _give_values(command: click.Command, path: tuple[str, ...]) -> None:
    for name, child in command.commands.items() if isinstance(command, click.Group) else ():
        _give_values(child, (*path, name))
    for parameter in command.params:
        parameter.type = _completed(parameter, source_of(path, parameter))


def _completed(parameter: click.Parameter, source: Source | None) -> click.types.ParamType:
    # A choice and a number know themselves what they can be; typer's paths have forgotten it.
    if isinstance(parameter.type, click.Path):
        return _Named("dir" if parameter.name in _FOLDERS else "file")
    if parameter.type is not click.STRING:
        return parameter.type
    if source:
        return Valued(source)
    return _Named("file") if "FILE" in (parameter.metavar or "") else parameter.type

"""The answer to a shell that asks what fits: one line that says what follows, then the values."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO

import click
from click.shell_completion import CompletionItem

from lodestar.cli.completion.bash_line import Line, Word, parse, reply
from lodestar.cli.completion.scripts import BETWEEN, BREAKS, LINE, SHELLS, WORDS
from lodestar.cli.completion.tree import fitting
from lodestar.terminal import one_line, printable

log = logging.getLogger("lodestar.completion")
Build = Callable[[Sequence[str]], click.Command]
_FILES = {"file": "files", "dir": "folders"}


def answer(shell: str, environ: Mapping[str, str], build: Build) -> int:
    """Print what fits. Whatever goes wrong, the user sees no more than that nothing fits."""
    if shell not in SHELLS:
        return 1
    line = _line(shell, environ)
    try:
        # Options that print, such as --version, run while the line is read.
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            found = fitting(build(line.before[1:]), line.before[1:], line.last.text)
        lines = [item for item in _answer(shell, line.last, found) if item is not None]
    except (Exception, SystemExit):
        log.debug("nothing to complete", exc_info=True)
        return 1
    if not lines:
        return 0
    sys.stdout.buffer.write(("\n".join(lines) + "\n").encode("utf-8"))
    return 0


def _line(shell: str, environ: Mapping[str, str]) -> Line:
    if shell == "bash":
        return parse(environ.get(LINE, ""), environ.get(BREAKS, ""))
    *before, last = environ.get(WORDS, "").split(BETWEEN)
    # fish takes the quotes off the words before the cursor's alone.
    return Line(tuple(before), parse(last).last if shell == "fish" else Word(last))


def _answer(shell: str, word: Word, found: Iterable[CompletionItem]) -> Iterable[str | None]:
    items = [item for item in found if item.type in _FILES or _harmless(item.value)]
    if not items:
        return
    files = [_FILES[item.type] for item in items if item.type in _FILES]
    yield files[0] if files else "values"
    for item in () if files else items:
        if shell == "bash":
            yield reply(word, item.value)
        elif shell == "zsh":
            yield _with_help(_zsh(item.value), ":", item.help)
        else:
            yield _with_help(item.value, "\t", item.help)


def _harmless(value: str) -> bool:
    """Whether a terminal can show it and a line hold it; anything else is not offered."""
    return value != "" and value == printable(value) and not set(value) & {"\n", "\t"}


def _zsh(value: str) -> str:
    return value.replace("\\", "\\\\").replace(":", "\\:")


def _with_help(value: str, between: str, help: str | None) -> str:
    return f"{value}{between}{one_line(help, 60)}" if help else value

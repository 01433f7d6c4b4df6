"""`lodestar keys`: the keys of models, where they are kept and whether they work."""

from __future__ import annotations

import getpass
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from lodestar.cli.groups import command_group
from lodestar.cli.key_check import check
from lodestar.cli.key_list import list_
from lodestar.cli.key_owner import Name, owner
from lodestar.cli.output import note
from lodestar.errors import CredentialsError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lodestar.cli.key_owner import Owner


app = command_group("The keys of models: kept, listed and tested, never shown.", default="list")
KEY_LIMIT = 4096
BACKEND_VARIABLE = "PYTHON_KEYRING_BACKEND"


@app.command("set")
def set_(
    name: Name,
    command: Annotated[
        str | None,
        typer.Option("--command", help="A command that prints the key, run without a shell."),
    ] = None,
    insecure_file: Annotated[
        bool,
        typer.Option(
            "--insecure-file",
            help="Keep the key in the clear, in a file that only you may read: every program that"
            " runs as you, every backup and root can read it, too.",
        ),
    ] = False,
) -> None:
    """Store a key in the system's keyring; it is asked for, or read from a pipe.

    It is for its provider's host and goes nowhere else; all models of that host use it,
    unless they name another variable.

    Example: lodestar keys set claude-sonnet
    Example: lodestar keys set openai --command "pass show openai"
    """
    whose = owner(name)
    if command is not None:
        if insecure_file:
            why = "the first keeps a command, the second keeps the key itself"
            raise UsageError("--command and --insecure-file exclude each other", why)
        _keep_command(whose, command)
    elif insecure_file:
        _keep_in_file(whose)
    else:
        _keep_in_keyring(whose)
    if whose.in_environment:
        note(f"note: ${whose.account.variable} is set, and goes before what is stored")


@app.command()
def remove(name: Name) -> None:
    """Forget a stored key, or the command that prints it, wherever it is kept.

    Example: lodestar keys remove openai
    """
    from lodestar.secrets import system

    whose = owner(name)
    in_file = whose.file.remove(whose.account.name)
    try:
        in_keyring = system.remove(whose.account.name)
    except system.KeyringError as error:
        error.do = f"unlock it, then again: lodestar keys remove {name}"
        raise
    places = [*(["keys.yaml"] if in_file else []), *(["the keyring"] if in_keyring else [])]
    if places:
        note(f"removed the key for {whose.account.name} from {' and '.join(places)}")
    else:
        note(f"no key is stored for {whose.account.name}")
    if whose.in_environment:
        variable = whose.account.variable
        note(f"note: there is one in the environment; it goes with: unset {variable}")


app.command("list")(list_)
app.command("test")(check)


def _keep_in_keyring(whose: Owner) -> None:
    from lodestar.secrets import system
    from lodestar.terminal import interactive

    with _choices(whose):
        if interactive(os.environ):
            # Before anybody looks for a key that cannot be kept.
            system.check()
        key = _asked(whose)
        system.store(whose.account.name, key)
    whose.file.remove(whose.account.name)
    _told(whose, "in the system's keyring")


def _keep_command(whose: Owner, command: str) -> None:
    from lodestar.redaction import Redactor
    from lodestar.secrets.accounts import check_key
    from lodestar.secrets.command import output
    from lodestar.secrets.key_file import Kept

    if Redactor().text(command) != command:
        why = "it would be kept in the clear, and stands in your shell's history now"
        raise UsageError("the command holds a key", why, 'name one that fetches it: "pass show X"')
    # What does not work now would fail in the middle of work.
    key = output(command, os.environ, whose.home.root)
    check_key(key, whose.entry, whose.alias)
    whose.file.set(whose.account.name, Kept(command=command))
    _told(whose, f"as a command in {whose.file.path}")


def _keep_in_file(whose: Owner) -> None:
    from lodestar.secrets.key_file import Kept

    whose.file.set(whose.account.name, Kept(key=_asked(whose)))
    _told(whose, f"in {whose.file.path}")
    note(
        "warning: it is not encrypted. Nobody else on this machine may read the file; every"
        " program that runs as you, every copy of your home and root can"
    )


def _told(whose: Owner, where: str) -> None:
    note(f"stored {where}: the key for {whose.account.name}, used by {', '.join(whose.aliases)}")


@contextmanager
def _choices(whose: Owner) -> Iterator[None]:
    """What else there is where the keyring cannot be used."""
    from lodestar.secrets import system

    try:
        yield
    except system.KeyringError as error:
        if os.environ.get(BACKEND_VARIABLE):
            note(f"note: {BACKEND_VARIABLE} is not followed: what it names would get every key")
        variable = whose.account.variable
        exported = [f"export {variable}=..."] if variable else []
        again = f"lodestar keys set {whose.alias}"
        ways = [*exported, f'{again} --command "pass show NAME"', f"{again} --insecure-file"]
        numbered = "; ".join(f"({number}) {way}" for number, way in enumerate(ways, 1))
        first = "unlock it, or choose" if error.locked else "choose"
        error.do = f"{first}: {numbered} (not encrypted)"
        raise


def _asked(whose: Owner) -> str:
    from lodestar.secrets.accounts import check_key
    from lodestar.terminal import interactive

    if interactive(os.environ):
        key = getpass.getpass(f"key for {whose.account.name}: ", sys.stderr).strip()
    elif sys.stdin is None or sys.stdin.isatty():
        raise UsageError(
            "there is no terminal to ask for the key on",
            "LODESTAR_NO_INPUT or CI is set, or the output is redirected",
            f"give it in a pipe: lodestar keys set {whose.alias} < FILE",
        )
    else:
        key = sys.stdin.readline(KEY_LIMIT).strip()
    if not key:
        raise CredentialsError("there is no key to store", "nothing was typed")
    check_key(key, whose.entry, whose.alias)
    return key

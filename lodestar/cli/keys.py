"""`lodestar keys`: the keys of paid models in the system's keyring."""

from __future__ import annotations

import getpass
import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from lodestar.cli.groups import command_group
from lodestar.cli.output import note
from lodestar.errors import CredentialsError, UsageError

if TYPE_CHECKING:
    from lodestar.settings import ModelEntry

app = command_group("Keep the keys of paid models in the system's keyring.", default=None)
Alias = Annotated[str, typer.Argument(help="The alias of a model that takes a key.")]
KEY_LIMIT = 4096


@app.command("set")
def set_(alias: Alias) -> None:
    """Store a model's key; it is asked for, or read from a pipe, and never shown.

    Example: lodestar keys set claude-sonnet
    """
    from lodestar.secrets import store_key

    entry = _entry(alias)
    key = _asked(entry, alias)
    if not key:
        raise CredentialsError("there is no key to store", "nothing was typed")
    store_key(entry, alias, key)
    note(f"stored the key of {alias} for {entry.api_base}")


@app.command()
def check(alias: Alias) -> None:
    """Say where a model's key would come from; exit 4 where there is none."""
    from lodestar.secrets import find_key, key_variable

    entry = _entry(alias)
    variable = key_variable(entry)
    if find_key(entry, alias, os.environ) is None:
        raise CredentialsError(f"there is no key for `{alias}`", "", f"lodestar keys set {alias}")
    given = variable and os.environ.get(variable, "").strip()
    note(f"{alias}: its key is in {f'${variable}' if given else 'the keyring'}")


@app.command()
def remove(alias: Alias) -> None:
    """Take a model's key out of the keyring."""
    from lodestar.secrets import remove_key

    removed = remove_key(_entry(alias), alias)
    note(f"removed the key of {alias}" if removed else f"the keyring has no key of {alias}")


def _entry(alias: str) -> ModelEntry:
    from lodestar.cli.opening import configuration
    from lodestar.secrets import takes_key

    entry = configuration().catalog.get(alias)
    if not takes_key(entry):
        raise UsageError(
            f"`{alias}` is used without a key",
            "it is local or free, and names no key_env",
            f"where its server wants one: lodestar models add {alias} ... --key-env NAME --yes",
        )
    return entry


def _asked(entry: ModelEntry, alias: str) -> str:
    from lodestar.secrets import check_keyring
    from lodestar.terminal import interactive

    if interactive(os.environ):
        # Before anybody looks for a key that cannot be kept.
        check_keyring(entry, alias)
        return getpass.getpass(f"key of {alias}: ", sys.stderr).strip()
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError(
            "there is no terminal to ask for the key on",
            "LODESTAR_NO_INPUT or CI is set, or the output is redirected",
            f"give it in a pipe: lodestar keys set {alias} < FILE",
        )
    return sys.stdin.readline(KEY_LIMIT).strip()

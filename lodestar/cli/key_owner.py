"""Whose key a user means: by the alias of a model, or by a provider's name or host."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from lodestar.errors import UsageError

if TYPE_CHECKING:
    from lodestar.loading import Context
    from lodestar.paths import Home
    from lodestar.secrets.accounts import Account
    from lodestar.secrets.key_file import KeyFile
    from lodestar.settings import ModelEntry

Name = Annotated[
    str,
    typer.Argument(
        metavar="ALIAS|PROVIDER",
        help="A model's alias, or the provider: openai, anthropic, gemini, xai, ..., or its host.",
    ),
]


@dataclass(frozen=True)
class Owner:
    """A model that takes a key, what the key is kept under, and who else uses it."""

    alias: str
    entry: ModelEntry
    account: Account
    aliases: tuple[str, ...]
    home: Home
    file: KeyFile

    @property
    def in_environment(self) -> bool:
        """Whether the variable of that key is set."""
        return bool(os.environ.get(self.account.variable or "", "").strip())


def owner(name: str) -> Owner:
    """The model behind an alias or a provider's name. Raises UsageError."""
    from lodestar.cli.opening import configuration
    from lodestar.secrets.accounts import account
    from lodestar.secrets.key_file import KeyFile

    context = configuration()
    alias, entry = _entry(context, name)
    whose = account(entry)
    aliases = tuple(found for found, other in keyed(context) if account(other) == whose)
    return Owner(alias, entry, whose, aliases, context.home, KeyFile(context.home))


def keyed(context: Context) -> list[tuple[str, ModelEntry]]:
    """The models that take a key."""
    from lodestar.secrets.accounts import takes_key

    return [(alias, entry) for alias, entry in context.catalog if takes_key(entry)]


def _entry(context: Context, name: str) -> tuple[str, ModelEntry]:
    from lodestar.secrets.accounts import account

    if name in context.catalog:
        return _of_alias(context, context.catalog.plain(name))
    of_host = _of_host(context, name)
    if not of_host:
        context.catalog.get(name)  # which says what there is
    if len({account(entry) for entry in of_host.values()}) > 1:
        aliases = ", ".join(of_host)
        why = f"its models take different keys: {aliases}"
        raise UsageError(f"`{name}` is not one key", why, f"name the model: {next(iter(of_host))}")
    return next(iter(of_host.items()))


def _of_alias(context: Context, alias: str) -> tuple[str, ModelEntry]:
    from lodestar.secrets.accounts import takes_key

    entry = context.catalog.get(alias)
    if not takes_key(entry):
        raise UsageError(
            f"`{alias}` is used without a key",
            "it is local or free, and names no key_env",
            f"where its server wants one: lodestar models add {alias} ... --key-env NAME --yes",
        )
    return alias, entry


def _of_host(context: Context, name: str) -> dict[str, ModelEntry]:
    from lodestar.secrets.accounts import PROVIDERS, host_of

    known = PROVIDERS.get({"google": "gemini", "grok": "xai"}.get(name, name))
    hosts = {name.lower(), f"litellm:{name}", *([known.host] if known else [])}
    return {alias: entry for alias, entry in keyed(context) if host_of(entry) in hosts}

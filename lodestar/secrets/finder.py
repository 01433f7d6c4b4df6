"""Finding a key: the environment first, then keys.yaml, then the system's keyring."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from lodestar.catalog import Catalog
from lodestar.config import merge, read_layer
from lodestar.errors import CredentialsError, LodestarError
from lodestar.loading import Context
from lodestar.paths import Home, builtin_profiles
from lodestar.secrets import command, system
from lodestar.secrets.accounts import (
    PROVIDERS,
    Account,
    account,
    check_key,
    host_of,
    key_variable,
    takes_key,
)
from lodestar.secrets.key_file import NAME, Kept, KeyFile
from lodestar.settings import ModelEntry, Settings

Kind = Literal["environment", "command", "file", "keyring", "none", "closed", "unknown"]


@dataclass(frozen=True)
class Place:
    """Where a model's key comes from: the kind of place, and which one."""

    kind: Kind
    where: str = ""


_IN_FILE = Place("file", f"{NAME}, not encrypted")


class Finder:
    """Looks up keys for one run; it keeps none of them.

    `hosts` are those that each variable's key may go to, `named_hosts` by default. Where
    `free_only` is set, no key of a paid model is looked for.
    """

    def __init__(
        self,
        home: Home,
        environ: Mapping[str, str],
        hosts: Mapping[str, frozenset[str]] | None = None,
        free_only: bool = False,
    ) -> None:
        self._home = home
        self._file = KeyFile(home)
        self._environ = environ
        self._given_hosts = hosts
        self._free_only = free_only

    @classmethod
    def of(cls, context: Context, environ: Mapping[str, str] = os.environ) -> Finder:
        """The finder of a run's configuration."""
        free_only = context.settings.limits.free_only
        return cls(context.home, environ, free_only=free_only)

    def find(self, entry: ModelEntry, alias: str) -> str | None:
        """The key to send to `entry`'s server, or None where it needs none.

        May take some seconds where a keyring or a command does not answer: call it in a worker
        thread. Raises CredentialsError where a key is needed and there is none, or it may not
        be sent.
        """
        if not takes_key(entry):
            return None
        if self._closed(entry):
            raise _closed(alias)
        whose = account(entry)
        key = self._in_environment(whose) or self._kept(whose)
        key = key or (system.password(whose.name) or "").strip()
        if not key:
            if whose.variable:
                raise self._missing(alias, whose, whose.variable)
            return None
        check_key(key, entry, alias)
        return key

    def places(self, entries: Iterable[ModelEntry]) -> dict[Account, Place]:
        """Where the key of each account comes from; no command is run for it.

        A keyring is asked once. Raises CredentialsError where keys.yaml cannot be used.
        """
        wanted: dict[Account, bool] = {}
        for entry in filter(takes_key, entries):
            # What a free model needs, too, is open.
            closed = self._closed(entry)
            wanted[account(entry)] = closed and wanted.get(account(entry), True)
        kept = self._file.entries() if not all(wanted.values()) else {}
        found = {
            whose: Place("closed") if closed else self._place(whose, kept.get(whose.name, Kept()))
            for whose, closed in wanted.items()
        }
        names = [whose.name for whose, place in found.items() if place.kind == "none"]
        if names:
            ring = _keyring_places(names)
            found = {whose: ring.get(whose.name, place) for whose, place in found.items()}
        return found

    def kept_keys(self) -> list[str]:
        """Keys that are kept in the clear, for those who take them out of texts."""
        try:
            return [kept.key for kept in self._file.entries().values() if kept.key]
        except LodestarError:
            return []  # said where one of them is needed

    @cached_property
    def _hosts(self) -> Mapping[str, frozenset[str]]:
        # Read when a key is needed: no start waits for it.
        return named_hosts(self._home) if self._given_hosts is None else self._given_hosts

    def _closed(self, entry: ModelEntry) -> bool:
        return self._free_only and entry.paid

    def _place(self, whose: Account, kept: Kept) -> Place:
        if self._in_environment(whose):
            return Place("environment", f"${whose.variable}")
        if kept.command:
            # Its first word: the others may say more than a list should.
            return Place("command", "".join(kept.command.split()[:1]))
        return _IN_FILE if kept.key else Place("none")

    def _in_environment(self, whose: Account) -> str:
        variable = whose.variable or ""
        if whose.host not in self._hosts.get(variable, frozenset()):
            return ""
        return self._environ.get(variable, "").strip()

    def _kept(self, whose: Account) -> str:
        kept = self._file.get(whose.name)
        if kept.command:
            return command.output(kept.command, self._environ, self._home.root).strip()
        return (kept.key or "").strip()

    def _missing(self, alias: str, whose: Account, variable: str) -> CredentialsError:
        hosts = self._hosts.get(variable, frozenset())
        if self._environ.get(variable, "").strip() and whose.host not in hosts:
            others = ", ".join(sorted(hosts)) or "no host"
            return CredentialsError(
                f"the key in ${variable} is not sent to {whose.host}",
                f"it is for {others}; only the catalogue and your config.yaml name hosts for it",
                f"in config.yaml, give models.{alias} that api_base and key_env: {variable}",
            )
        return CredentialsError(
            f"there is no key for `{alias}`",
            f"${variable} is not set, and none is stored for {whose.name}",
            f"lodestar keys set {alias}, or: export {variable}=...",
        )


def named_hosts(home: Home) -> dict[str, frozenset[str]]:
    """The hosts for each key variable: its provider's, the catalogue's and config.yaml's.

    From the files alone: what a variable or an option changes of a model takes no key along.
    Raises UsageError where config.yaml is not valid.
    """
    built_in = Catalog.load(Settings(), builtin_profiles())
    file = home.config_file
    own = merge([read_layer(file)])[0].models if file.is_file() else {}
    found = {one.variable: frozenset({one.host}) for one in PROVIDERS.values()}
    for _, entry in (*built_in, *own.items()):
        variable = key_variable(entry)
        if variable:
            found[variable] = found.get(variable, frozenset()) | {host_of(entry)}
    return found


def _keyring_places(names: Iterable[str]) -> dict[str, Place]:
    try:
        return {name: Place("keyring") for name in system.stored(names)}
    except system.KeyringError as error:
        return {name: Place("unknown", error.why) for name in names}


def _closed(alias: str) -> CredentialsError:
    return CredentialsError(
        f"the key of `{alias}` is not looked for",
        "it is a paid model and this session is free only",
        "start without --free-only, or set limits.free_only: false",
    )

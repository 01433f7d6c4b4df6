"""`lodestar keys list`: where the key of each model comes from, and no key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lodestar.cli.key_owner import keyed, owner
from lodestar.cli.output import note, print_json, print_table
from lodestar.errors import CredentialsError

if TYPE_CHECKING:
    from lodestar.secrets.accounts import Account
    from lodestar.secrets.finder import Place
    from lodestar.settings import ModelEntry

COLUMNS = ("alias", "host", "variable", "key from")
Row = tuple[str, "ModelEntry", "Account", "Place"]


def list_(
    alias: Annotated[
        str | None, typer.Argument(metavar="[ALIAS|PROVIDER]", help="Only the models of this key.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show for each model that takes a key where it comes from; the key itself is never shown.

    Commands are not run for it. With an alias the exit code is 4 where there is no key.

    Example: lodestar keys list
    """
    from lodestar.cli.opening import configuration
    from lodestar.secrets.accounts import account
    from lodestar.secrets.finder import Finder

    context = configuration()
    of_one = owner(alias).aliases if alias else None
    models = [(a, entry) for a, entry in keyed(context) if of_one is None or a in of_one]
    places = Finder.of(context).places([entry for _, entry in models])
    rows = [(a, entry, account(entry), places[account(entry)]) for a, entry in models]
    if json:
        print_json("keys", [_plain(row) for row in rows])
    else:
        _print(rows)
    if alias and all(place.kind in ("none", "unknown") for *_, place in rows):
        raise CredentialsError(
            f"there is no key for `{alias}`", _why(rows[0]), f"lodestar keys set {alias}"
        )


def _print(rows: list[Row]) -> None:
    print_table(COLUMNS, [(a, whose.host, whose.variable, _told(p)) for a, _, whose, p in rows])
    problems = {place.where for *_, place in rows if place.kind == "unknown"}
    for problem in sorted(problems):
        note(f"warning: the system's keyring cannot be asked: {problem}")


def _told(place: Place) -> str:
    return {
        "environment": place.where,
        "command": f"command: {place.where}",
        "file": place.where,
        "keyring": "keyring",
        "closed": "closed: free only",
        "unknown": "unknown: no answer from the keyring",
    }.get(place.kind, "none")


def _why(row: Row) -> str:
    _, _, whose, place = row
    if place.kind == "unknown":
        return f"the system's keyring cannot be asked: {place.where}"
    unset = f"${whose.variable} is not set, and " if whose.variable else ""
    return f"{unset}none is stored for {whose.name}"


def _plain(row: Row) -> dict[str, Any]:
    alias, entry, whose, place = row
    return {
        "alias": alias,
        "host": whose.host,
        "variable": whose.variable,
        "paid": entry.paid,
        "from": place.kind,
        "where": place.where,
    }

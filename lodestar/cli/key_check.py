"""`lodestar keys test`: whether the providers take the keys; nothing is charged for it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lodestar.cli.key_owner import keyed, owner
from lodestar.cli.output import note, print_json, print_table
from lodestar.errors import CredentialsError, LodestarError, NoModelError, UsageError

if TYPE_CHECKING:
    from lodestar.secrets.accounts import Account
    from lodestar.secrets.finder import Finder, Place
    from lodestar.settings import ModelEntry

COLUMNS = ("models", "host", "key from", "result", "ms", "why")
AT_ONCE = 8


@dataclass(frozen=True)
class Tested:
    """One key and what came of it; `result` is an `asking.Answer`'s, or `missing`, `closed`."""

    aliases: tuple[str, ...]
    host: str
    source: str
    result: str
    why: str = ""
    ms: int | None = None

    @property
    def row(self) -> tuple[Any, ...]:
        """Its cells."""
        start = (", ".join(self.aliases), self.host, self.source, self.result)
        return (*start, self.ms, self.why)


def check(
    alias: Annotated[
        str | None, typer.Argument(metavar="[ALIAS|PROVIDER]", help="Only this key.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All keys, which is usual.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Ask each provider whether it takes its key, with a request that costs nothing.

    Exit code 4 where a key is refused, or the one that you name is missing; 5 where a server
    does not answer. Results: ok, refused, failed, unproven (the server lists its models to
    anybody), untested (no free request is known), missing, closed (free only).

    Example: lodestar keys test claude-sonnet
    """
    from lodestar.cli.opening import configuration
    from lodestar.secrets.accounts import account
    from lodestar.secrets.finder import Finder

    if alias and everything:
        raise UsageError("name a key, or say --all", "both were given")
    context = configuration()
    of_one = owner(alias).aliases if alias else None
    models: dict[Account, dict[str, ModelEntry]] = {}
    for name, entry in keyed(context):
        if of_one is None or name in of_one:
            models.setdefault(account(entry), {})[name] = entry
    finder = Finder.of(context)
    places = finder.places([next(iter(entries.values())) for entries in models.values()])
    with ThreadPoolExecutor(AT_ONCE) as pool:
        jobs = [pool.submit(_tested, finder, of, places[whose]) for whose, of in models.items()]
        found = [job.result() for job in jobs]
    if json:
        print_json("keys.test", [vars(one) for one in found])
    else:
        print_table(COLUMNS, [one.row for one in found])
    _judge(found, named=alias is not None)


def _tested(finder: Finder, models: dict[str, ModelEntry], place: Place) -> Tested:
    from lodestar.secrets.accounts import account
    from lodestar.secrets.asking import ask

    alias, entry = next(iter(models.items()))
    begun = (tuple(models), account(entry).host, place.kind)
    if place.kind in ("none", "closed"):
        return Tested(*begun, "closed" if place.kind == "closed" else "missing")
    if place.kind == "unknown":
        # Asked a second time it would take as long to say nothing.
        return Tested(*begun, "missing", f"the system's keyring cannot be asked: {place.where}")
    try:
        key = finder.find(entry, alias)
    except LodestarError as error:
        return Tested(*begun, "missing", error.why or error.what)
    if key is None:
        return Tested(*begun, "missing")
    answer = ask(entry, key)
    return Tested(*begun, answer.result, answer.why, answer.ms)


def _judge(found: list[Tested], named: bool) -> None:
    bad = {"refused", *(["missing", "closed"] if named else [])}
    for one in found:
        if one.result in bad:
            raise CredentialsError(
                f"the key of {', '.join(one.aliases)} is {one.result}",
                one.why or "no place that Lodestar looks at has one",
                f"lodestar keys set {one.aliases[0]}",
            )
    for one in found:
        if one.result == "failed":
            do = "look at its api_base and your connection, then try again"
            raise NoModelError(f"{one.host} did not say whether it takes its key", one.why, do)
    if all(one.result in ("missing", "closed") for one in found):
        note("no key was tested; to store one: lodestar keys set ALIAS")

"""`lodestar models list`: each alias, what is behind it, where that is and what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lodestar.cli.output import note, print_json, print_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lodestar.loading import Context
    from lodestar.local_models import LocalModels
    from lodestar.secrets.accounts import Account
    from lodestar.secrets.finder import Place
    from lodestar.settings import ModelEntry

COLUMNS = ("", "alias", "tier", "model", "where", "price", "context", "key", "note")
HERE = "embedded engine"
_KEYS = {"none": "missing", "closed": "closed", "unknown": "unknown"}


def list_(json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the models by tier; the one in force is marked, 1 is free.

    Prices are USD per million tokens, input / output. Local aliases are shown as a session
    would have them that began now.

    Example: lodestar models list
    """
    from lodestar.cli.opening import configuration
    from lodestar.local_models import settled

    before = configuration()
    context = settled(before)
    unnamed = _unnamed_files(context)
    places = _places(context)
    if json:
        models = [_as_json(context, places, alias, entry) for alias, entry in context.catalog]
        files = [file.name for file in unnamed]
        url = context.local.url if context.local else None
        print_json("models", models, files_without_alias=files, ollama=url)
        return
    rows = [_row(context, places, alias, entry) for alias, entry in context.catalog]
    print_table(COLUMNS, rows)
    for line in context.warnings[len(before.warnings) :]:
        note(line)
    for file in unnamed:
        note(f"{file.path} has no alias: lodestar models import {file.path} --yes")


def users(context: Context, file: str) -> list[str]:
    """The aliases that stand for a file of the engine, with or without an adapter."""
    local = ((alias, e.model) for alias, e in context.catalog if e.provider == "engine")
    return [alias for alias, model in local if model.partition("@")[0] == file]


def where(entry: ModelEntry) -> str:
    """The place that a request to this entry goes to."""
    from lodestar.secrets.accounts import host_of

    if entry.provider == "engine":
        return HERE
    if entry.provider == "ollama":
        return f"ollama {(entry.api_base or '').removesuffix('/v1')}"
    return host_of(entry).removeprefix("litellm:")


def price_text(entry: ModelEntry) -> str:
    """USD per million tokens, or why there is no price."""
    if not entry.paid:
        return entry.billing
    if entry.price_in is None or entry.price_out is None:
        return "unknown"
    return f"{entry.price_in.normalize():f} / {entry.price_out.normalize():f}"


def _row(
    context: Context, places: Mapping[Account, Place], alias: str, entry: ModelEntry
) -> tuple[Any, ...]:
    mark = "*" if alias == context.settings.main else ""
    start = (mark, alias, entry.tier, entry.model, where(entry), price_text(entry), entry.context)
    return (*start, _key(places, entry), _note(context.local, alias, entry))


def _note(local: LocalModels | None, alias: str, entry: ModelEntry) -> str | None:
    why = local.reasons.get(alias) if local else None
    told = why.partition(", because ")[2] if why else ""
    parts = [entry.label if entry.provider != "ollama" else None, told, entry.note]
    return "; ".join(part for part in parts if part) or None


def _as_json(
    context: Context, places: Mapping[Account, Place], alias: str, entry: ModelEntry
) -> dict[str, Any]:
    settings, local = context.settings, context.local
    used_as = [role for role in ("main", "weak", "editor") if getattr(settings, role) == alias]
    found = {
        "where": where(entry),
        "key": _key(places, entry),
        "stands_in": bool(local and alias in local.entries and entry.provider == "engine"),
        "reason": (local.reasons.get(alias) if local else None) or None,
    }
    return {"alias": alias, "used_as": used_as, **entry.model_dump(mode="json"), **found}


def _places(context: Context) -> dict[Account, Place]:
    from lodestar.errors import CredentialsError
    from lodestar.secrets.finder import Finder

    try:
        return Finder.of(context).places(entry for _, entry in context.catalog)
    except CredentialsError as error:
        note(f"warning: {error.what}: {error.why}")
        return {}


def _key(places: Mapping[Account, Place], entry: ModelEntry) -> str | None:
    """Whether there is a key; None where the model takes none."""
    from lodestar.secrets.accounts import account, takes_key

    if not takes_key(entry):
        return None
    place = places.get(account(entry))
    return _KEYS.get(place.kind, "present") if place else "unknown"


def _unnamed_files(context: Context) -> list[Any]:
    from lodestar.engine_models import model_files

    return [file for file in model_files(context.home) if not users(context, file.name)]

"""`lodestar models`: the aliases, and the model files behind the local ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lodestar.cli.groups import command_group
from lodestar.cli.model_add import add
from lodestar.cli.model_import import import_
from lodestar.cli.model_pull import pull
from lodestar.cli.output import note, print_json, print_table, size_text
from lodestar.errors import UsageError

if TYPE_CHECKING:
    from lodestar.loading import Context
    from lodestar.settings import ModelEntry

app = command_group("The models that you can name, and how to add one.", default="list")
COLUMNS = ("", "alias", "tier", "provider", "model", "price", "context", "label")


@app.command("list")
def list_(json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the models by tier; the one in force is marked, 1 is free.

    Prices are USD per million tokens, input / output.
    """
    from lodestar.cli.opening import configuration

    context = configuration()
    unnamed = _unnamed_files(context)
    if json:
        models = [_as_json(context, alias, entry) for alias, entry in context.catalog]
        print_json("models", models, files_without_alias=[file.name for file in unnamed])
        return
    rows = [_row(context, alias, entry) for alias, entry in context.catalog]
    print_table(COLUMNS, rows)
    for file in unnamed:
        note(f"{file.path} has no alias: lodestar models import {file.path} --yes")


@app.command()
def remove(
    alias: Annotated[str, typer.Argument(help="An alias of your own.")],
    file: Annotated[
        bool | None,
        typer.Option(
            "--file/--keep-file",
            help="Delete its model file, or keep it. Default: delete what was imported.",
        ),
    ] = None,
) -> None:
    """Remove one of your aliases; a built-in one of the same name comes back.

    An imported file goes with the last alias that uses it.
    """
    from lodestar.cli.opening import configuration
    from lodestar.editing import remove_value
    from lodestar.engine_models import model_file, remove_file

    context = configuration()
    entry = context.catalog.get(alias)
    if not remove_value(context.home.config_file, ["models", alias]):
        raise UsageError(f"`{alias}` is built in", "only your own aliases can be removed")
    found = model_file(context.home, entry.model) if entry.provider == "engine" else None
    if found is None:
        note(f"removed {alias}")
        return
    users = _users(configuration(), found.name)
    if users or not (found.sha256 if file is None else file):
        why = f" (used by {', '.join(users)})" if users else ""
        note(f"removed {alias}; kept the file {found.path}{why}")
        return
    remove_file(context.home, found.name)
    note(f"removed {alias} and its file, {size_text(found.size)}")


app.command("add")(add)
app.command("import")(import_)
app.command("pull")(pull)


def _row(context: Context, alias: str, entry: ModelEntry) -> tuple[Any, ...]:
    mark = "*" if alias == context.settings.main else ""
    start = (mark, alias, entry.tier, entry.provider, entry.model)
    return (*start, _price(entry), entry.context, entry.label)


def _price(entry: ModelEntry) -> str:
    if not entry.paid:
        return entry.billing
    if entry.price_in is None or entry.price_out is None:
        return "unknown"
    return f"{entry.price_in} / {entry.price_out}"


def _as_json(context: Context, alias: str, entry: ModelEntry) -> dict[str, Any]:
    settings = context.settings
    used_as = [role for role in ("main", "weak", "editor") if getattr(settings, role) == alias]
    return {"alias": alias, "used_as": used_as, **entry.model_dump(mode="json")}


def _unnamed_files(context: Context) -> list[Any]:
    from lodestar.engine_models import model_files

    return [file for file in model_files(context.home) if not _users(context, file.name)]


def _users(context: Context, file: str) -> list[str]:
    """The aliases that stand for a file of the engine, with or without an adapter."""
    local = ((alias, e.model) for alias, e in context.catalog if e.provider == "engine")
    return [alias for alias, model in local if model.partition("@")[0] == file]

"""`lodestar models`: the aliases, and the model files behind the local ones."""

from __future__ import annotations

from typing import Annotated

import typer

from lodestar.cli.groups import command_group
from lodestar.cli.model_add import add
from lodestar.cli.model_edit import edit
from lodestar.cli.model_import import import_
from lodestar.cli.model_list import list_, users
from lodestar.cli.model_pull import pull
from lodestar.cli.model_test import check
from lodestar.cli.model_users import check_unnamed
from lodestar.cli.output import note, size_text
from lodestar.errors import UsageError

app = command_group("The models that you can name, and how to add one.", default="list")


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

    Example: lodestar models remove fast
    """
    from lodestar.cli.opening import configuration
    from lodestar.editing import remove_value
    from lodestar.engine_models import model_file, remove_file

    context = configuration()
    entry = context.catalog.get(alias)
    if alias in context.settings.models:
        check_unnamed(context, alias)
    if not remove_value(context.home.config_file, ["models", alias]):
        raise UsageError(f"`{alias}` is built in", "only your own aliases can be removed")
    found = model_file(context.home, entry.model) if entry.provider == "engine" else None
    if found is None:
        note(f"removed {alias}")
        return
    others = users(configuration(), found.name)
    if others or not (found.sha256 if file is None else file):
        why = f" (used by {', '.join(others)})" if others else ""
        note(f"removed {alias}; kept the file {found.path}{why}")
        return
    remove_file(context.home, found.name)
    note(f"removed {alias} and its file, {size_text(found.size)}")


app.command("list")(list_)
app.command("add")(add)
app.command("edit")(edit)
app.command("test")(check)
app.command("import")(import_)
app.command("pull")(pull)

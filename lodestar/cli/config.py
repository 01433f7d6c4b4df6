"""`lodestar config`: what is configured, where it comes from, and changing it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from lodestar.cli.groups import command_group
from lodestar.cli.opening import configuration
from lodestar.cli.output import note, print_json, print_table
from lodestar.errors import UsageError
from lodestar.terminal import printable

app = command_group("Show, check and change the configuration.", default="show")


@app.command()
def show(
    origin: Annotated[
        bool, typer.Option("--origin", help="Also where each value is from.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print every setting as it is in force here.

    Example: lodestar config show --origin
    """
    from lodestar.config import leaves

    context = configuration()
    values = dict(leaves(context.settings.model_dump(mode="json")))
    origins = {key: context.origins.get(key, "default") for key in values}
    if json:
        data = {key: {"value": values[key], "origin": origins[key]} for key in values}
        print_json("config", data, home=str(context.home.root))
    elif origin:
        rows = [(key, _text(value), origins[key]) for key, value in values.items()]
        print_table(("key", "value", "origin"), rows)
    else:
        print_table(("key", "value"), [(k, _text(v)) for k, v in values.items()])


@app.command()
def validate() -> None:
    """Check config.yaml, all profiles and this project's file; exit 2 at the first mistake.

    Example: lodestar config validate
    """
    from lodestar.cli.validation import check_everything

    for line in check_everything():
        print(printable(line))


@app.command()
def path(
    all: Annotated[
        bool, typer.Option("--all", help="Every place where Lodestar keeps things.")
    ] = False,
) -> None:
    """Print where config.yaml is, or would be.

    Example: lodestar config path --all
    """
    from lodestar.cli.validation import places

    for name, place in places().items() if all else ():
        print(f"{name}\t{place}")
    if not all:
        print(places()["config"])


@app.command("set")
def set_(
    key: Annotated[str, typer.Argument(help="A dotted key, such as limits.session_minutes.")],
    value: Annotated[str, typer.Argument(help="The value, as it would stand in the file.")],
) -> None:
    """Set one value in config.yaml; comments and everything else stay.

    Example: lodestar config set limits.session_minutes 120
    """
    from lodestar.cli.validation import check_change
    from lodestar.editing import set_value
    from lodestar.paths import lodestar_home

    parsed = _parsed(value)
    check_change(lodestar_home(), _checked(key), parsed)
    set_value(lodestar_home().config_file, key.split("."), parsed)
    note(f"{key} is now {_text(parsed)}")


@app.command()
def unset(
    key: Annotated[str, typer.Argument(help="A dotted key of config.yaml.")],
) -> None:
    """Remove one value from config.yaml, so that its default counts again.

    Example: lodestar config unset limits.session_minutes
    """
    from lodestar.editing import remove_value
    from lodestar.paths import lodestar_home

    file = lodestar_home().config_file
    if not remove_value(file, _checked(key).split(".")):
        raise UsageError(f"`{key}` is not set in {file}", "", "see: lodestar config show --origin")
    note(f"{key} is no longer set")


def _checked(key: str) -> str:
    section = key.partition(".")[0]
    others = {"models": ("add", "remove"), "prices": ("set", "undo")}
    if section in others:
        first, second = others[section]
        raise UsageError(
            f"`config` does not change {section}",
            "an alias may hold dots, so a dotted key is ambiguous",
            f"use: lodestar {section} {first}, lodestar {section} {second}",
        )
    return key


def _parsed(text: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        why = " ".join(str(error).split())
        raise UsageError("the value cannot be read", why, "quote it as in YAML") from error


def _text(value: Any) -> str:
    import json

    return value if isinstance(value, str) else json.dumps(value)

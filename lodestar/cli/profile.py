"""`lodestar profile`: ways of working."""

from __future__ import annotations

from typing import Annotated

import typer

from lodestar.cli.groups import command_group
from lodestar.cli.output import note, print_json, print_table
from lodestar.errors import UsageError

app = command_group("Choose and make profiles: which models, which limits.", default="list")
Name = Annotated[str, typer.Argument(help="The profile's name.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_(json: Json = False) -> None:
    """List the profiles; the one in force is marked.

    Example: lodestar profile list
    """
    from lodestar.cli.opening import configuration
    from lodestar.profiles import profile_files, profile_layer

    context = configuration()
    rows = [
        (name, name == context.settings.profile, profile_layer(context.home, name)[1], str(file))
        for name, file in profile_files(context.home).items()
    ]
    if json:
        keys = ("name", "active", "description", "file")
        print_json("profiles", [dict(zip(keys, row, strict=True)) for row in rows])
    else:
        shown = [("*" if active else "", name, text) for name, active, text, _ in rows]
        print_table(("", "profile", "description"), shown)


@app.command()
def show(name: Name, json: Json = False) -> None:
    """Print what a profile sets.

    Example: lodestar profile show frugal
    """
    from lodestar.config import leaves
    from lodestar.paths import lodestar_home
    from lodestar.profiles import profile_layer

    layer, description = profile_layer(lodestar_home(), name)
    values = dict(leaves(layer.values))
    if json:
        print_json("profile", values, profile=name, description=description, file=layer.name)
        return
    rows = [("description", description), *values.items(), ("file", layer.name)]
    print_table(("key", "value"), rows)


@app.command()
def new(
    name: Name,
    base: Annotated[str, typer.Option("--from", help="The profile to start from.")] = "default",
) -> None:
    """Make a profile of your own as a copy of another one.

    Example: lodestar profile new careful --from frugal
    """
    from lodestar.paths import lodestar_home, write_private
    from lodestar.profiles import NAME, profile_files, profile_layer

    home = lodestar_home()
    if not NAME.match(name):
        raise UsageError(f"`{name}` cannot be a profile's name", "use letters, digits, - and _")
    file = home.root / "profiles" / f"{name}.yaml"
    if file.exists():
        raise UsageError(f"there is a profile called `{name}` already", str(file), "edit that file")
    profile_layer(home, base)
    write_private(file, profile_files(home)[base].read_text("utf-8"))
    note(f"made {file}; edit it, then: lodestar profile use {name}")
    print(file)


@app.command()
def use(name: Name) -> None:
    """Make a profile the one that counts when nothing else is said.

    Example: lodestar profile use frugal
    """
    from lodestar.cli.opening import configuration
    from lodestar.cli.validation import check_profile
    from lodestar.editing import set_value
    from lodestar.paths import lodestar_home

    home = lodestar_home()
    check_profile(home, name)
    set_value(home.config_file, ["profile"], name)
    context = configuration()
    note(f"profile {name}: set in {home.config_file}")
    if context.settings.profile != name:
        note(f"here {context.settings.profile} counts: {context.origins.get('profile')}")

"""`lodestar`: the commands, put together."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Annotated, Any

import click
import typer

from lodestar import __version__
from lodestar.cli import (
    code,
    completion_command,
    config,
    data,
    doctor,
    engine,
    failure,
    keys,
    log,
    models,
    prices,
    profile,
    rate,
    shim,
    status,
    trust,
)
from lodestar.cli.groups import PassingOn, panels
from lodestar.errors import LodestarError
from lodestar.settings import Settings

WORK, MONEY, MODELS, HEALTH = PANELS = ("Work", "Money", "Models", "Health")
ASKED = "_LODESTAR_COMPLETE"
"""Set by a shell that asks what fits at the cursor."""


def run(arguments: Sequence[str], ahead: object = None) -> int:
    """Run one command and return the process's exit code; `ahead` is for `code` alone."""
    if ASKED in os.environ:
        return _complete()
    with failure.logging_to(os.environ):
        return failure.exit_code(lambda: _invoke(arguments, ahead), os.environ)


def build_app(settings: Settings) -> typer.Typer:
    """All commands: the core's and those of the enabled modules."""
    from lodestar.plugins import Plugins

    app = typer.Typer(
        name="lodestar",
        cls=panels(PANELS),
        help="Code with Aider on a free local model; pay only when you mean to.",
        context_settings={"help_option_names": ["-h", "--help"]},
        rich_markup_mode="rich",
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback(invoke_without_command=True)(_root)
    _add_core(app)
    Plugins.load(settings).collect("register_commands", app=app, settings=settings)
    return app


def _add_core(app: typer.Typer) -> None:
    app.command("code", cls=PassingOn, rich_help_panel=WORK)(code.code)
    app.command("rate", rich_help_panel=WORK)(rate.rate)
    app.add_typer(log.app, name="log", rich_help_panel=WORK)
    app.command("trust", rich_help_panel=WORK)(trust.trust)
    app.add_typer(prices.app, name="prices", rich_help_panel=MONEY)
    app.add_typer(profile.app, name="profile", rich_help_panel=MODELS)
    app.add_typer(models.app, name="models", rich_help_panel=MODELS)
    app.add_typer(keys.app, name="keys", rich_help_panel=MODELS)
    app.add_typer(engine.app, name="engine", rich_help_panel=MODELS)
    app.add_typer(config.app, name="config", rich_help_panel=HEALTH)
    app.add_typer(data.app, name="data", rich_help_panel=HEALTH)
    app.command("status", rich_help_panel=HEALTH)(status.status)
    app.command("doctor", rich_help_panel=HEALTH)(doctor.doctor)
    app.add_typer(shim.app, name="shim", rich_help_panel=HEALTH)
    app.command("completion", rich_help_panel=HEALTH)(completion_command.completion)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"lodestar {__version__}")
        raise typer.Exit


def _root(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and exit.", callback=_show_version, is_eager=True
        ),
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        from lodestar.cli.overview import print_overview

        print_overview()


def _complete() -> int:
    from lodestar.cli.completion.answer import answer

    def build(typed: Sequence[str]) -> click.Command:
        return typer.main.get_command(_narrowed(build_app(_settings()), typed))

    return answer(os.environ[ASKED], os.environ, build)


def _invoke(arguments: Sequence[str], ahead: object) -> int:
    command = typer.main.get_command(_narrowed(build_app(_settings()), arguments))
    result: Any = command.main(
        list(arguments), prog_name="lodestar", standalone_mode=False, obj=ahead
    )
    return result if isinstance(result, int) else 0


def _narrowed(app: typer.Typer, arguments: Sequence[str]) -> typer.Typer:
    """With the command that is named alone: to read the options of all takes a tenth of a second.

    Without a name, or with one that is not known, all stay: for the help, and for a suggestion.
    """
    groups = [group for group in app.registered_groups if group.name in arguments[:1]]
    commands = [command for command in app.registered_commands if command.name in arguments[:1]]
    if groups or commands:
        app.registered_groups, app.registered_commands = groups, commands
    return app


def _settings() -> Settings:
    """The user's settings, or the defaults: a broken file must not hide the help."""
    from lodestar.loading import load

    try:
        return load().settings
    except LodestarError:
        return Settings()

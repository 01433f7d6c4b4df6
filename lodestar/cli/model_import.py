"""`lodestar models import`: a GGUF file for the local engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lodestar.cli.model_entry import check_alias, check_entry
from lodestar.cli.output import note
from lodestar.cli.progress import progress_bar
from lodestar.errors import UsageError

if TYPE_CHECKING:
    from lodestar.engine_models import Header, ModelFile
    from lodestar.loading import Context

DEFAULT_ALIAS = "local-coder"
DEFAULT_CONTEXT = 8192


def import_(
    path: Annotated[Path, typer.Argument(help="A GGUF file.", exists=True, dir_okay=False)],
    name: Annotated[str | None, typer.Option(help="Its alias. Default: from the file.")] = None,
    context: Annotated[
        int | None, typer.Option(help="Context window, tokens. Default: at most 8192.", min=256)
    ] = None,
    default: Annotated[
        bool, typer.Option("--default", help="Make it what `local-coder` stands for.")
    ] = False,
    link: Annotated[
        bool, typer.Option("--link", help="Share the file on the same disk, do not copy it.")
    ] = False,
    edit_format: Annotated[
        str, typer.Option(help="How Aider asks for edits: whole, diff, udiff.")
    ] = "whole",
    yes: Annotated[bool, typer.Option("--yes", help="Replace an alias of this name.")] = False,
) -> None:
    """Check a GGUF file, put it where the engine finds it, and name it.

    Example: lodestar models import ~/Downloads/qwen2.5-coder-7b-q4.gguf --name qwen --default
    """
    from lodestar.cli.opening import configuration
    from lodestar.engine_models import default_name, import_file

    configured = configuration()
    alias = name or default_name(path)
    check_name(configured, alias, yes)

    def place(window: int) -> ModelFile:
        with progress_bar("importing", path.stat().st_size) as progress:
            return import_file(configured.home, path, alias, window, link, progress)

    name_file(configured, path, Naming(alias, place, context, edit_format, default))


@dataclass(frozen=True)
class Naming:
    """How a file becomes a model; `place` puts it where the engine finds it, given the window."""

    alias: str
    place: Callable[[int], ModelFile]
    context: int | None = None
    edit_format: str = "whole"
    default: bool = False


def name_file(configured: Context, path: Path, naming: Naming) -> ModelFile:
    """Check a file, place it, and write its alias to config.yaml."""
    from lodestar.editing import set_value
    from lodestar.engine_models import probe

    alias = naming.alias
    header = probe(path)
    window = _window(header, naming.context)
    entry = _entry(alias, header, window, naming.edit_format)
    check_entry(configured, alias, entry)
    file = naming.place(window)
    entry = _as_packaged(entry, file.sha256)
    for key in (alias, DEFAULT_ALIAS) if naming.default else (alias,):
        set_value(configured.home.config_file, ["models", key], entry)
    _tell(alias, header, window, file.path, naming.default)
    return file


def _tell(alias: str, header: Header, window: int, path: Path, default: bool) -> None:
    note(f"{alias}: {header.architecture}, {window} tokens of context, {path}")
    if not header.has_chat_template:
        note("note: the file has no chat template, so ChatML is used; answers may suffer")
    if default:
        undo = f"lodestar models remove {DEFAULT_ALIAS}"
        note(f"{DEFAULT_ALIAS} now stands for {alias}; undo: {undo}")


def check_name(context: Context, alias: str, replace: bool) -> None:
    """Raises UsageError where a file cannot be called so."""
    from lodestar.engine_models import NAME, packaged_names

    if not NAME.match(alias):
        raise UsageError(
            f"`{alias}` cannot be a model's name",
            "letters, digits, dots, dashes and underscores, 64 at most",
            "choose one with --name",
        )
    if alias in packaged_names() | {"demo", DEFAULT_ALIAS}:
        raise UsageError(
            f"`{alias}` is the name of a built-in model",
            "the engine would take the built-in file",
            "choose another with --name; --default makes it the one for everyday work",
        )
    check_alias(context, alias, replace)
    if (context.home.root / "models" / f"{alias}.gguf").exists() and not replace:
        why = f"{context.home.root / 'models'} has a file of that name"
        raise UsageError(f"`{alias}` is taken", why, "choose --name, or replace it with --yes")


def _window(header: Header, wanted: int | None) -> int:
    trained = header.context_length
    if wanted and trained and wanted > trained:
        raise UsageError(
            f"--context {wanted} is more than the model can take",
            f"it was trained for {trained} tokens",
            f"give {trained} or less",
        )
    return wanted or min(trained or DEFAULT_CONTEXT, DEFAULT_CONTEXT)


def _entry(alias: str, header: Header, window: int, edit_format: str) -> dict[str, Any]:
    return {
        "provider": "engine",
        "model": alias,
        "billing": "local",
        "tier": 1,
        "context": window,
        "label": header.name,
        "aider": {"edit_format": edit_format},
    }


def _as_packaged(entry: dict[str, Any], sha256: str | None) -> dict[str, Any]:
    """A copy of a model that comes with the engine is used and labelled as that one is."""
    from lodestar.catalog import Catalog
    from lodestar.engine_models import packaged_copy
    from lodestar.paths import builtin_profiles
    from lodestar.settings import Settings

    name = packaged_copy(sha256)
    own = Catalog.load(Settings(), builtin_profiles())
    if name is None or name not in own:
        return entry
    twin = own.get(name)
    return {**entry, "label": twin.label, "aider": {**twin.aider, **entry["aider"]}}

"""`lodestar models pull`: a model file from the Hugging Face hub."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lodestar.cli.model_import import Naming, check_name, name_file
from lodestar.cli.output import note, print_json, print_table, size_text
from lodestar.cli.progress import progress_bar
from lodestar.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from lodestar.engine_models import ModelFile
    from lodestar.hub.ask import Found, Hub
    from lodestar.hub.curated import Offer
    from lodestar.loading import Context

COLUMNS = ("name", "size", "memory", "licence", "quantisation", "repository")
DECLINED = 1


def pull(
    model: Annotated[
        str | None,
        typer.Argument(help="A name on the list, or REPO/ID:FILE.gguf. Default: show the list."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Its alias. Default: the name.")] = None,
    revision: Annotated[
        str | None, typer.Option(help="A branch, tag or commit of the repository. Default: main.")
    ] = None,
    sha256: Annotated[
        str | None, typer.Option(help="The checksum that the file must have.", metavar="HEX")
    ] = None,
    default: Annotated[
        bool, typer.Option("--default", help="Make it what `local-coder` stands for.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask, and replace an alias of this name.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Download a GGUF file from the Hugging Face hub, check it, and name it.

    Without a name: a short list for code, by the memory of the machine.

    Licence and size are shown first; what broke off goes on where it stopped.

    Example: lodestar models pull qwen2.5-coder-7b --default
    """
    if model is None:
        _list(json)
        return
    found, file = _pulled(model, name, revision, sha256, default, yes)
    if json:
        print_json("pulled-model", _as_json(found, file))


def _pulled(
    model: str,
    name: str | None,
    revision: str | None,
    sha256: str | None,
    default: bool,
    yes: bool,
) -> tuple[Found, ModelFile]:
    from lodestar.cli.opening import configuration
    from lodestar.hub.ask import hub, look_up
    from lodestar.hub.curated import wanted
    from lodestar.hub.fetch import check_space, part_folder

    asked = wanted(model, revision, sha256)
    configured = configuration()
    alias = name or asked.name
    check_name(configured, alias, yes)
    server = hub(os.environ)
    found = look_up(server, asked)
    folder = part_folder(configured.home, found)
    _show(found, configured.home.root / "models" / f"{alias}.gguf")
    check_space(folder, found)
    _agree(found, yes)
    path = _fetched(server, found, folder)
    return found, _named(configured, found, path, folder, alias, default)


def _fetched(server: Hub, found: Found, folder: Path) -> Path:
    from lodestar.hub.fetch import check, fetch

    with progress_bar("downloading", found.size, from_size=0) as progress:
        path = fetch(server, found, folder, progress)
    with progress_bar("checking", found.size) as progress:
        check(found, path, folder, progress)
    note(f"sha256 verified: {found.sha256}")
    return path


def _named(
    configured: Context, found: Found, path: Path, folder: Path, alias: str, default: bool
) -> ModelFile:
    from lodestar.engine_models import Origin, adopt_file
    from lodestar.hub.fetch import discard

    origin = Origin(found.sha256, found.source, found.license)

    def place(window: int) -> ModelFile:
        return adopt_file(configured.home, path, alias, window, origin)

    try:
        file = name_file(configured, path, Naming(alias, place, default=default))
    except UsageError:
        # It is no model, so there is nothing to keep.
        discard(folder)
        raise
    discard(folder)
    return file


def _show(found: Found, target: Path) -> None:
    wanted = found.wanted
    listed = wanted.offer.license if wanted.offer else found.license
    differs = f" (the list says {listed})" if listed != found.license else ""
    whose = "pinned" if found.pinned else "as the hub states it; there is no pin"
    memory = f", for a machine with {wanted.offer.memory_gb} GB" if wanted.offer else ""
    note(f"from     {wanted.repo}, {wanted.file}, revision {found.commit[:12]}")
    note(f"licence  {found.license}{differs}")
    note(f"size     {size_text(found.size)}{memory}")
    note(f"sha256   {found.sha256} ({whose})")
    note(f"to       {target}")


def _agree(found: Found, yes: bool) -> None:
    """Ask, where somebody can answer; else only what is listed and free to use goes ahead."""
    from lodestar.terminal import interactive

    if yes:
        return
    if interactive(os.environ):
        import questionary

        if not questionary.confirm("Download it under this licence?").ask():
            note("nothing was downloaded")
            raise typer.Exit(DECLINED)
        return
    if not found.wanted.permissive(found.license):
        raise UsageError(
            f"{found.wanted.repo} is under the licence `{found.license}`, and nobody can be asked",
            "only models of the list under Apache, MIT or BSD are pulled without a question",
            "read the licence on the model's page, then add --yes",
        )


def _list(json: bool) -> None:
    from lodestar.hub.curated import curated

    offers = list(curated().values())
    if json:
        print_json("models-to-pull", [asdict(offer) for offer in offers])
        return
    print_table(COLUMNS, [_row(offer) for offer in offers])
    note("sizes are approximate. pull one: lodestar models pull NAME --default")


def _row(offer: Offer) -> tuple[str, ...]:
    size, memory = f"~{size_text(offer.about_bytes)}", f"{offer.memory_gb} GB"
    return (offer.name, size, memory, offer.license, offer.quantisation, offer.repo)


def _as_json(found: Found, file: ModelFile) -> dict[str, Any]:
    return {
        "alias": file.name,
        "path": str(file.path),
        "size": file.size,
        "sha256": found.sha256,
        "pinned": found.pinned,
        "license": found.license,
        "source": found.source,
    }

"""What `lodestar` alone prints: where you are and what to do next."""

from __future__ import annotations

from lodestar import __version__
from lodestar.cli.opening import configuration
from lodestar.loading import Context
from lodestar.local_models import settled
from lodestar.secrets.accounts import host_of
from lodestar.settings import ModelEntry
from lodestar.terminal import one_line


def print_overview() -> None:
    """Project, profile and main model, and the next sensible command."""
    context = settled(configuration())
    settings = context.settings
    main = context.catalog.get(settings.main)
    lines = [
        ("project", f"{context.project.root.name} ({context.project.root})"),
        ("profile", f"{settings.profile} ({context.origins.get('profile', 'default')})"),
        ("model", f"{settings.main}, {_described(main)}"),
        ("next", _next(context)),
        ("help", "lodestar --help"),
    ]
    print(f"Lodestar {__version__}")
    for name, text in lines:
        print(f"{name:8} {one_line(text)}")


def _described(entry: ModelEntry) -> str:
    at = entry.api_base or host_of(entry)
    where = "on this machine, free" if entry.provider == "engine" else f"at {at}"
    price = "" if entry.provider == "engine" else {"payg": ", paid"}.get(entry.billing, ", free")
    return f"{entry.label or entry.model} {where}{price}"


def _next(context: Context) -> str:
    if (context.project.root / ".git").exists():
        return "lodestar code"
    return "git init && lodestar code   (edits are committed, so that they can be undone)"

"""Making the report of a period and putting it where it was asked for."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lodestar.cli.output import note
from lodestar.clock import local_text, now_ms
from lodestar.errors import LodestarError, UsageError
from lodestar.loading import Context
from lodestar.modules.usage_tracker.budget_scope import ledger
from lodestar.modules.usage_tracker.reports.asking import Asked, names, wanted_of
from lodestar.modules.usage_tracker.reports.html import html as as_html
from lodestar.modules.usage_tracker.reports.page import Page, Source, page
from lodestar.modules.usage_tracker.reports.printing import markdown
from lodestar.modules.usage_tracker.windows import day_of

PRIVATE = 0o600
"""It names projects and people."""


def report(
    period: str | None,
    since: str | None,
    until: str | None,
    project: str | None,
    file: Path | None,
    force: bool,
) -> None:
    """Print the report as Markdown, or write it as a page. Raises UsageError, LedgerError."""
    from lodestar.cli.opening import configuration

    context = configuration()
    if file and str(file) != "-" and file.exists() and not force:
        raise UsageError(f"{file} is there already", "nothing was written", "add --force")
    with source(context, Asked(period, since, until, project)) as found:
        made = page(found)
    if file is None:
        print(as_markdown(made))  # noqa: T201
        return
    text = as_html(made, local_text(now_ms(), context.settings.timezone), context.settings.timezone)
    if str(file) == "-":
        sys.stdout.write(text)
        return
    _write(file, text)
    note(f"{file}: {made.period}")


@contextmanager
def source(context: Context, asked: Asked) -> Iterator[Source]:
    """The ledger, for the page of what was asked for. Raises UsageError, LedgerError."""
    with ledger(context) as store, store.read() as connection:
        wanted = wanted_of(context, connection, asked, ())
        now = day_of(now_ms(), wanted.period.zone)
        yield Source(connection, wanted, names(connection), now)


def as_markdown(made: Page) -> str:
    """The page without its charts."""
    parts = [f"# {made.title}", made.period]
    parts.append("\n".join(f"- **{figure}** {what}" for figure, what in made.headline))
    parts += [f"> {line}" for line in made.notes]
    for section in made.sections:
        parts += [f"## {section.question}", section.answer]
        parts += [markdown(section.sheet)] if section.sheet.rows else []
    return "\n\n".join(parts)


def _write(file: Path, text: str) -> None:
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with open(
            os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE), "w", encoding="utf-8"
        ) as out:
            out.write(text)
        draft.replace(file)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise LodestarError(
            f"{file} cannot be written", error.strerror or str(error), "name another file"
        ) from error

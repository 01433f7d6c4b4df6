"""After Aider: the session's last row, the summary, the question."""

from __future__ import annotations

import os
import sys

from lodestar.loading import Context
from lodestar.plugins import Plugins
from lodestar.store.feedback import add_rating
from lodestar.store.schema import CORE
from lodestar.store.sessions import end_session
from lodestar.store.store import Store
from lodestar.supervisor.session import Ended


def finish(context: Context, ended: Ended, ask: bool) -> None:
    """Close the session's rows, print the summary, ask for a rating where that makes sense."""
    from lodestar.summary import render, summary

    settings = context.settings
    plugins = Plugins.load(settings)
    sets = [CORE, *plugins.collect("register_migrations")]
    with Store.open(context.home.database, sets) as store:
        end_session(store, ended.session, ended.reason, ended.exit_code)
        lines = plugins.collect(
            "session_event",
            session=ended.session,
            event={"type": "finished", "exit_code": ended.exit_code},
            store=store,
            settings=settings,
        )
        result = summary(store, ended.session, settings.timezone, _flat(lines))
        if not result.exchanges:
            return
        sys.stderr.write(render(result) + "\n")
        if ask and result.edited and ended.exit_code == 0 and settings.rating.enabled:
            _rate(context, store, ended.session)


def _rate(context: Context, store: Store, session: str) -> None:
    from lodestar.rating import ask
    from lodestar.terminal import interactive

    if not interactive(os.environ):
        return
    answer = ask("Did this session help?", context.settings.rating.timeout_s)
    if answer.verdict:
        add_rating(store, session, None, answer.verdict, "session_end", answer.reason)
        sys.stderr.write(f"recorded: {answer.verdict}. Undo: lodestar rate --undo\n")


def _flat(results: list[object]) -> list[str]:
    """Modules return a line, several, or nothing."""
    lines: list[str] = []
    for result in results:
        lines += [result] if isinstance(result, str) else [str(line) for line in result]  # type: ignore[attr-defined]
    return lines

"""After Aider: the session's last row, the summary, the question."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace
from typing import Any

from lodestar.errors import LodestarError
from lodestar.loading import Context
from lodestar.plugins import Plugins
from lodestar.rating import ask as ask_rating
from lodestar.store.feedback import add_rating
from lodestar.store.migrations import MigrationSet
from lodestar.store.schema import CORE
from lodestar.store.sessions import end_session
from lodestar.store.stand_in import find, reopen, told
from lodestar.store.store import Store
from lodestar.summary import Summary, render, summary
from lodestar.supervisor.session import Ended
from lodestar.supervisor.signals import Signals
from lodestar.supervisor.uncommitted import dirty, settle, tell_own
from lodestar.terminal import printable


def finish(context: Context, ended: Ended, ask: bool, signals: Signals) -> None:
    """Close the session's rows, print the summary, ask for a rating where that makes sense.

    Once the rows are closed an interrupt may come: it costs the summary only.
    """
    if ended.problem and not context.home.database.exists():
        return
    plugins = Plugins.load(context.settings)
    sets = [CORE, *plugins.collect("register_migrations")]
    # The shim's failure is told already; the database may be its reason.
    quiet = suppress(LodestarError) if ended.problem else nullcontext()
    with quiet, _store(context, ended.session, sets) as store:
        end_session(store, ended.session, ended.reason, ended.exit_code)
        settle(context.home, store, ended.left)
        tell_own(context.home, store, ended.session)
        if ended.problem:
            return
        with signals.released():
            _look_back(context, plugins, store, ended, ask and not signals.stopped_by)
            _tell_place(store)


def _store(context: Context, session: str, sets: Sequence[MigrationSet]) -> Store:
    """The database, or the stand-in that the session was recorded in."""
    instead = find(context.home, session)
    return reopen(instead, sets) if instead else Store.open(context.home.database, sets)


def _tell_place(store: Store) -> None:
    """Where the session is recorded, if not in the database, and how that is mended."""
    if store.stands_for:
        sys.stderr.write(f"{printable(told(store, store.stands_for).lines('note:'))}\n")


def _look_back(context: Context, plugins: Plugins, store: Store, ended: Ended, ask: bool) -> None:
    found = _summary(context, plugins, store, ended)
    if found is None or not found.exchanges:
        return
    sys.stderr.write(render(found) + "\n")
    worth_asking = found.commits and ended.exit_code == 0 and ended.reason == "ended"
    present = worth_asking and not _left_alone(store, ended.session)
    if ask and present and context.settings.rating.enabled:
        _rate(context, store, ended.session)


def _summary(context: Context, plugins: Plugins, store: Store, ended: Ended) -> Summary | None:
    said = plugins.collect(
        "session_event",
        session=ended.session,
        event={"type": "finished", "exit_code": ended.exit_code},
        store=store,
        settings=context.settings,
    )
    labels = {alias: entry.label for alias, entry in context.catalog}
    zone = context.settings.timezone
    found = summary(store, ended.session, zone, labels, list(_lines(said)))
    if found is None:
        return None
    edited = found.uncommitted
    # Written is not changed, and the user may have committed it without Aider.
    changed = tuple(dirty(context.project.root, edited)) if edited else ()
    return replace(found, uncommitted=changed, watched=ended.watched)


def _rate(context: Context, store: Store, session: str) -> None:
    answer = ask_rating("Did this session help?", context.settings.rating.timeout_s)
    if answer.verdict is None:
        return
    exchange = _only_edit(store, session)
    add_rating(store, session, exchange, answer.verdict, "session_end", answer.reason)
    reason = f" ({answer.reason})" if answer.reason else ""
    sys.stderr.write(f"recorded: {answer.verdict}{reason}. Undo: lodestar rate --undo\n")


def _left_alone(store: Store, session: str) -> bool:
    """Whether Aider left because of a time limit, and nobody pressed a key there."""
    row = store.row(
        "SELECT json_extract(data, '$.alone') FROM signals WHERE session_id = ? AND type = 'exit'",
        (session,),
    )
    return bool(row and row[0])


def _only_edit(store: Store, session: str) -> str | None:
    """The exchange that the rating is about, where the session applied just one edit."""
    rows = store.rows(
        "SELECT DISTINCT exchange_id FROM signals"
        " WHERE session_id = ? AND type = 'commit' AND exchange_id IS NOT NULL",
        (session,),
    )
    return str(rows[0][0]) if len(rows) == 1 else None


def _lines(results: Iterable[Any]) -> Iterable[str]:
    """Modules return a line, several, or nothing."""
    for result in results:
        yield from [result] if isinstance(result, str) else [str(line) for line in result]

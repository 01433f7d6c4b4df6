"""What a session came to, in two or three lines."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lodestar.clock import local_text, now_ms
from lodestar.store.store import Store
from lodestar.terminal import one_line

Signal = tuple[str, Mapping[str, Any], "str | None"]
"""(type, data, hash of the commit it is about)"""


@dataclass(frozen=True)
class Summary:
    """One session in numbers; tokens are None where no exchange reported any.

    `tests` and `lint` are True where the last run passed, None where there was none.
    `uncommitted` are files that were edited and are in no commit. Not `watched` is a session
    whose outcomes nobody reported, so that nothing can be said about edits.
    """

    project: str
    started: str
    duration_ms: int
    exchanges: int
    failed: int
    tokens_in: int | None
    tokens_out: int | None
    estimated: bool
    files: int
    commits: int
    insertions: int
    deletions: int
    tests: bool | None
    lint: bool | None
    models: tuple[str, ...]
    labels: tuple[str, ...]
    extra: tuple[str, ...]
    uncommitted: tuple[str, ...] = ()
    watched: bool = True


def summary(
    store: Store,
    session_id: str,
    zone: str | None = None,
    labels: Mapping[str, str | None] | None = None,
    extra: Sequence[str] = (),
) -> Summary | None:
    """The session's numbers, or None where it is unknown.

    `zone` is an IANA name, `labels` what is said beside an alias, `extra` the modules' lines.
    """
    session = store.row(
        "SELECT s.*, p.name FROM sessions s LEFT JOIN projects p ON p.id = s.project_id"
        " WHERE s.id = ?",
        (session_id,),
    )
    if session is None:
        return None
    counts = _counts(store, session_id)
    signals = _signals(store, session_id)
    models = _models(store, session_id)
    named = [label for model in models if (label := (labels or {}).get(model))]
    if len(named) < len(models):
        # Said of some of them only: each has it beside its name.
        said = labels or {}
        models = tuple(f"{m} [{said[m]}]" if said.get(m) else m for m in models)
        named = []
    return Summary(
        project=session["name"] or "no project",
        started=local_text(session["started_ms"], zone),
        duration_ms=max(0, (session["ended_ms"] or now_ms()) - session["started_ms"]),
        **counts,
        **_commits(signals),
        tests=_passed(signals, "test"),
        lint=_passed(signals, "lint"),
        models=models,
        labels=tuple(dict.fromkeys(named)),
        extra=tuple(extra),
        uncommitted=_uncommitted(signals),
    )


def render(found: Summary) -> str:
    """Plain lines for the terminal; no colour, so that they read the same everywhere."""
    parts = [_duration(found.duration_ms), _count(found.exchanges, "exchange")]
    parts += [f"{found.failed} failed"] if found.failed else []
    parts += _tokens(found)
    parts += _changes(found)
    models = ", ".join(found.models)
    models = f"{', '.join(found.labels)}: {models}" if found.labels else models
    line = f"{found.project}: {', '.join(parts)}" + (f" ({models})" if models else "")
    checks = [(name, ok) for name, ok in (("tests", found.tests), ("lint", found.lint))]
    second = [f"{name} {'pass' if ok else 'fail'}" for name, ok in checks if ok is not None]
    lines = [line, *([", ".join(second)] if second else []), *found.extra]
    return "\n".join(one_line(text) for text in lines)


def _counts(store: Store, session: str) -> dict[str, Any]:
    row = store.row(
        "SELECT count(*) AS exchanges, sum(status IN ('error', 'refused', 'killed')) AS failed,"
        " sum(input_tokens) AS tokens_in, sum(output_tokens) AS tokens_out,"
        " max(usage_source = 'estimated' AND input_tokens IS NOT NULL) AS estimated"
        " FROM exchanges WHERE session_id = ?",
        (session,),
    )
    counts = dict(row) if row else {}
    return {**counts, "failed": counts["failed"] or 0, "estimated": bool(counts["estimated"])}


def _signals(store: Store, session: str) -> list[Signal]:
    # In the order of their arrival: the launcher's ids are random.
    rows = store.rows("SELECT * FROM signals WHERE session_id = ? ORDER BY rowid", (session,))
    return [(row["type"], json.loads(row["data"]), row["commit_hash"]) for row in rows]


def _models(store: Store, session: str) -> tuple[str, ...]:
    rows = store.rows(
        "SELECT served_alias FROM exchanges WHERE session_id = ? AND served_alias IS NOT NULL"
        " AND status IN ('ok', 'aborted') GROUP BY served_alias ORDER BY count(*) DESC",
        (session,),
    )
    return tuple(str(row[0]) for row in rows)


def _commits(signals: Iterable[Signal]) -> dict[str, Any]:
    commits: dict[str, Mapping[str, Any]] = {}
    for kind, data, commit in signals:
        if kind == "commit" and commit:
            commits[commit] = data
        elif kind == "undo" and commit:
            commits.pop(commit, None)
    files = {name for data in commits.values() for name in data.get("files") or ()}
    return {
        "files": len(files),
        "commits": len(commits),
        "insertions": sum(data.get("insertions") or 0 for data in commits.values()),
        "deletions": sum(data.get("deletions") or 0 for data in commits.values()),
    }


def _uncommitted(signals: Iterable[Signal]) -> tuple[str, ...]:
    """The files that were edited, less those that a commit took up since."""
    names: dict[str, None] = {}
    for kind, data, _ in signals:
        if kind == "apply":
            names.update((posixpath.normpath(name), None) for name in data.get("edited") or ())
        elif kind == "commit":
            for name in data.get("files") or ():
                names.pop(name, None)
    return tuple(names)


def _passed(signals: Iterable[Signal], kind: str) -> bool | None:
    results = [not data.get("errors") for name, data, _ in signals if name == kind]
    return results[-1] if results else None


def _tokens(found: Summary) -> list[str]:
    if found.tokens_in is None:
        return []
    note = " (estimated)" if found.estimated else ""
    return [f"{_short(found.tokens_in)} tokens in", f"{_short(found.tokens_out or 0)} out{note}"]


def _changes(found: Summary) -> list[str]:
    parts = []
    if found.commits:
        size = f"+{found.insertions} -{found.deletions}"
        parts = [f"{_count(found.files, 'file')} {size}", _count(found.commits, "commit")]
    if found.uncommitted:
        parts.append(f"{_count(len(found.uncommitted), 'file')} edited, not committed")
    return parts or (["no edits"] if found.watched else [])


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _short(number: int) -> str:
    if number < 1000:
        return str(number)
    return f"{number / 1000:.1f}k" if number < 999_950 else f"{number / 1_000_000:.1f}M"


def _duration(ms: int) -> str:
    seconds = ms // 1000
    if seconds < 60:
        return f"{seconds} s"
    minutes = seconds // 60
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"

"""Edits that nobody has rated yet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lodestar.store.store import Store


@dataclass(frozen=True)
class Edit:
    """One answer that became a commit; `root` is None where the project is unknown."""

    exchange: str
    session: str | None
    started_ms: int
    model: str | None
    project: str | None
    root: Path | None
    commits: tuple[str, ...]


def unrated_edits(store: Store, limit: int = 10) -> list[Edit]:
    """The newest edits without a rating that stands, of which no commit was undone."""
    rows = store.rows(
        "SELECT e.id, e.session_id, e.started_ms, e.served_alias, p.name, p.root,"
        " group_concat(g.commit_hash, ' ') AS commits"
        " FROM exchanges e JOIN signals g ON g.exchange_id = e.id AND g.type = 'commit'"
        " LEFT JOIN sessions s ON s.id = e.session_id LEFT JOIN projects p ON p.id = s.project_id"
        " WHERE g.commit_hash IS NOT NULL"
        " AND e.id NOT IN (SELECT exchange_id FROM ratings"
        "   WHERE undone_ms IS NULL AND exchange_id IS NOT NULL)"
        " AND g.commit_hash NOT IN (SELECT commit_hash FROM signals"
        "   WHERE type = 'undo' AND commit_hash IS NOT NULL)"
        " GROUP BY e.id ORDER BY e.started_ms DESC, e.id DESC LIMIT ?",
        (limit,),
    )
    return [
        Edit(
            row["id"],
            row["session_id"],
            row["started_ms"],
            row["served_alias"],
            row["name"],
            Path(row["root"]) if row["root"] else None,
            tuple(dict.fromkeys(str(row["commits"]).split())),
        )
        for row in rows
    ]

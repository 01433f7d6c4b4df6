"""The same call in another file: Aider's two files overlap, and so does Lodestar's own log."""

from __future__ import annotations

from lodestar.imports.said import Said
from lodestar.store.reader import Reader

NEAR_MS = 10_000
"""Aider writes the beginning of a run into its two files within a few seconds."""
OWN = "recorded by Lodestar itself"
OTHER = "known already, from another file of Aider's"
_OF_RUN = (
    "SELECT id FROM sessions WHERE profile = 'imported' AND id <> ? AND started_ms BETWEEN ? AND ?"
)
_CALL = (
    "SELECT e.input_tokens, e.output_tokens, i.format FROM exchanges e"
    " JOIN imported r ON r.row = 'exchanges/' || e.id JOIN imports i ON i.id = r.import_id"
    " WHERE e.session_id = ? ORDER BY e.started_ms, e.id LIMIT 1 OFFSET ?"
)


def twin(said: Said, session: str, store: Reader) -> str | None:
    """Why the call is in the log in another way; None where it is not."""
    if said.run.own or _is_ours(said, store):
        return OWN
    start = said.run.started_ms
    for row in store.rows(_OF_RUN, (session, start - NEAR_MS, start + NEAR_MS)):
        call = store.row(_CALL, (row["id"], said.number))
        # Of two runs in the same second, the same file or one of its kind tells them apart.
        other = call is not None and call["format"] != said.run.format
        if call and other and _same(call[0], said.input) and _same(call[1], said.output):
            return OTHER
    return None


def shown(count: int) -> str:
    """As Aider shows a number of tokens."""
    if count < 1000:
        return str(count)
    return f"{count / 1000:.1f}k" if count < 10_000 else f"{round(count / 1000)}k"


def _same(one: int | None, other: int) -> bool:
    return one is not None and shown(one) == shown(other)


def _is_ours(said: Said, store: Reader) -> bool:
    """Aider's log of a session of ours names our models; the session is in the log itself."""
    if said.run.format != "aider-log" or not said.model.startswith("openai/"):
        return False
    row = store.row(
        "SELECT 1 FROM sessions WHERE profile <> 'imported' AND started_ms <= :at + :near"
        " AND coalesce(ended_ms, :at) >= :at - :near LIMIT 1",
        {"at": said.at_ms, "near": NEAR_MS},
    )
    return row is not None

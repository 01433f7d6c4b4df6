"""What a session counts for, in the user's own words."""

from __future__ import annotations

from pathlib import Path

import pytest

from lodestar.errors import UsageError
from lodestar.loading import load
from lodestar.store.migrations import MigrationSet
from lodestar.store.schema import CORE
from lodestar.store.store import Store


def test_sessions_from_before_tags_have_none(tmp_path: Path) -> None:
    steps = [name for name, _ in CORE.steps]
    before = MigrationSet("core", CORE.steps[: steps.index("session_tags")], CORE.purgers)
    with Store.open(tmp_path / "usage.db", [before]) as store, store.write() as connection:
        connection.execute(
            "INSERT INTO sessions(id, machine_id, profile, started_ms) VALUES ('S', 'M', 'p', 1)"
        )
    with Store.open(tmp_path / "usage.db", [CORE]) as store:
        assert [tuple(row) for row in store.rows("SELECT id, tag FROM sessions")] == [("S", None)]


@pytest.mark.parametrize("tag", ["client=acme", "JIRA-12", "team/web:2026", "a"])
def test_a_tag_is_a_word(isolated_home: Path, tag: str) -> None:
    assert load({"tag": tag}).settings.tag == tag
    assert load({}, {"LODESTAR_HOME": str(isolated_home), "LODESTAR_TAG": tag}).settings.tag == tag


@pytest.mark.parametrize(
    "tag", ["two words", "=sum(A1)", "-x", "a\tb", "a\n", "x" * 65, "ü", "a|b"]
)
def test_what_a_table_or_a_spreadsheet_would_read_otherwise_is_no_tag(
    isolated_home: Path, tag: str
) -> None:
    with pytest.raises(UsageError, match="it is a word of at most 64"):
        load({"tag": tag})


def test_a_repository_cannot_set_a_tag(isolated_home: Path, tmp_path: Path) -> None:
    """Whose account work is on is the user's to say."""
    (tmp_path / ".lodestar.yaml").write_text("tag: client=evil\n")
    found = load({}, {"LODESTAR_HOME": str(isolated_home)}, tmp_path)
    assert found.settings.tag is None
    assert any("`tag` is ignored" in line for line in found.warnings)

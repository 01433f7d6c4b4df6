"""Through the real shim: what is charged for each way a paid call can end."""

from __future__ import annotations

import http.client
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.fakes.shim import Shim, configure, rows
from tests.fakes.upstream import Upstream

ACTUAL = 11 * 3_000 + 7 * 15_000
ENDINGS = [
    ("normal", "posted", "provider"),
    ("no_usage", "posted", "worst_case"),
    ("bad_usage", "posted", "worst_case"),
    ("401", "voided", None),
    ("429", "voided", None),
    ("500", "posted", "worst_case"),
    ("cut", "posted", "worst_case"),
    ("refuse", "posted", "worst_case"),
    ("html", "posted", "worst_case"),
]
LAST = (
    "SELECT h.state, h.amount_nano, h.max_output, c.cash_nano, c.usage_source, c.attempt_id,"
    " e.status FROM holds h LEFT JOIN charges c ON c.hold_id = h.id"
    " JOIN exchanges e ON e.id = h.exchange_id ORDER BY h.id DESC LIMIT 1"
)


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server


@pytest.fixture(scope="module")
def shim(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shim]:
    root = tmp_path_factory.mktemp("shim")
    configure(root / "home", upstream.url)
    with Shim(root / "home", root) as started:
        yield started


def last(home: Path) -> sqlite3.Row:
    (row,) = rows(home, LAST)
    return row


def settled(home: Path) -> sqlite3.Row:
    """The newest hold once it is settled: that may be just after the answer's last byte."""
    deadline = time.monotonic() + 10
    while last(home)["state"] == "held" and time.monotonic() < deadline:
        time.sleep(0.01)
    return last(home)


@pytest.mark.parametrize(("behaviour", "state", "source"), ENDINGS, ids=[e[0] for e in ENDINGS])
def test_a_paid_call_is_settled_however_it_ends(
    shim: Shim, upstream: Upstream, behaviour: str, state: str, source: str | None
) -> None:
    upstream.script(behaviour)
    try:
        shim.chat("paid-model", text=behaviour)
    except (http.client.HTTPException, ConnectionError):
        assert behaviour == "cut"
    row = settled(shim.home)
    assert (row["state"], row["usage_source"]) == (state, source)
    assert upstream.chats[-1].body["max_tokens"] == row["max_output"]
    if source:
        assert row["cash_nano"] == (ACTUAL if source == "provider" else row["amount_nano"])
        assert row["attempt_id"]


def test_a_client_that_leaves_is_charged_what_the_provider_reports_all_the_same(
    shim: Shim, upstream: Upstream
) -> None:
    upstream.clear()
    upstream.script("hold")
    connection = _leaving(shim)
    upstream.wait_requests(1)
    connection.close()
    upstream.release()
    row = settled(shim.home)
    assert (row["state"], row["cash_nano"]) == ("posted", ACTUAL)


def test_a_shim_that_is_killed_leaves_a_hold_that_the_next_one_charges(
    upstream: Upstream, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    configure(home, upstream.url)
    upstream.clear()
    upstream.script("hold")
    with Shim(home, tmp_path) as shim:
        connection = _leaving(shim)
        upstream.wait_requests(1)
        assert last(home)["state"] == "held"
        shim.kill()
        connection.close()
    with Shim(home, tmp_path):
        row = last(home)
    assert (row["state"], row["cash_nano"]) == ("orphan", row["amount_nano"])
    assert row["status"] == "killed"
    assert row["attempt_id"]


def _leaving(shim: Shim) -> http.client.HTTPConnection:
    """A paid request whose answer nobody waits for."""
    connection = http.client.HTTPConnection("127.0.0.1", shim.port, timeout=30)
    message = {"role": "user", "content": "hello"}
    body = json.dumps({"model": "paid-model", "messages": [message], "stream": True})
    headers = {"Authorization": f"Bearer {shim.token}", "Content-Type": "application/json"}
    connection.request("POST", "/v1/chat/completions", body, headers)
    return connection


def test_a_paid_call_that_cannot_be_written_down_is_not_sent(
    upstream: Upstream, tmp_path: Path
) -> None:
    configure(tmp_path / "home", upstream.url)
    with Shim(tmp_path / "home", tmp_path) as shim:
        assert shim.chat("free-model").status == 200
        with closing(sqlite3.connect(tmp_path / "home" / "usage.db")) as other:
            other.execute(
                "CREATE TRIGGER full BEFORE INSERT ON attempts"
                " BEGIN SELECT RAISE(ABORT, 'no room'); END"
            )
            other.commit()
        upstream.clear()
        refused = shim.chat("paid-model")
        assert refused.status == 400
        assert "cannot be written down" in refused.body
        assert not upstream.chats
        assert not rows(tmp_path / "home", "SELECT state FROM holds"), "both, or neither"
        assert shim.chat("free-model").status == 200

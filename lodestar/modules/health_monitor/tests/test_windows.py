"""Waiting times and failures over five minutes, an hour and a day."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from lodestar.ids import new_id
from lodestar.modules.health_monitor.windows import percentile, records
from lodestar.store.store import Store

NOW = 10_000_000_000
MINUTE = 60_000


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([], 0.5, None),
        ([7], 0.95, 7),
        ([1, 2], 0.5, 1),
        (range(1, 101), 0.5, 50),
        (range(100, 0, -1), 0.95, 95),
        ([1, 1, 1, 1000], 0.95, 1000),
    ],
)
def test_a_percentile_is_a_value_that_was_measured(
    values: Sequence[int], share: float, expected: int | None
) -> None:
    assert percentile(values, share) == expected


def sample(store: Store, age_ms: int, ok: bool, ttft: int | None, source: str = "call") -> None:
    with store.write() as connection:
        connection.execute(
            "INSERT INTO health_samples(id, ts_ms, alias, provider, ok, ttft_ms, duration_ms,"
            " error, source, server, model) VALUES (?, ?, 'm', 'openai', ?, ?, ?, ?, ?, 's', 'x')",
            (new_id(), NOW - age_ms, ok, ttft, ttft, None if ok else "HTTP 500", source),
        )


def test_a_call_counts_in_each_window_that_it_is_young_enough_for(store: Store) -> None:
    for age, ok, ttft in (
        (MINUTE, True, 100),
        (2 * MINUTE, False, None),
        (30 * MINUTE, True, 300),
        (5 * 60 * MINUTE, True, 500),
        (25 * 60 * MINUTE, True, 900),
    ):
        sample(store, age, ok, ttft)
    sample(store, MINUTE, False, None, source="probe")
    (record,) = records(store, NOW, {"m"})
    found = {name: window.plain() for name, window in record.windows.items()}
    assert [(w["calls"], w["failed"]) for w in found.values()] == [(2, 1), (3, 1), (4, 1)]
    assert found["5m"]["error_share"] == 0.5
    assert found["24h"]["first_token_ms"] == {"p50": 300, "p95": 500}
    assert record.last_error is None
    assert (record.alias, record.server, record.model) == ("m", "s", "x")


def test_the_last_error_is_that_of_the_last_call(store: Store) -> None:
    sample(store, 2, True, 5)
    sample(store, 1, False, None)
    assert records(store, NOW, {"m"})[0].last_error == "HTTP 500"


def test_an_alias_that_is_no_more_is_left_out(store: Store) -> None:
    sample(store, 1, False, None)
    assert records(store, NOW, {"another"}) == []

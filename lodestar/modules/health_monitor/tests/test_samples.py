"""Health is read off the attempts that really happened."""

from __future__ import annotations

import pytest

from lodestar.clock import now_ms
from lodestar.exchange import Exchange, Outcome, Status
from lodestar.ids import new_id
from lodestar.modules.health_monitor import monitor as monitors
from lodestar.modules.health_monitor.checks import failing_models
from lodestar.modules.health_monitor.monitor import Monitor, monitor_of
from lodestar.modules.health_monitor.plugin import exchange_finished, order_routes, session_event
from lodestar.modules.health_monitor.schema import MIGRATIONS
from lodestar.settings import ModelEntry, RoutingSettings, Settings
from lodestar.store import exchanges, purge
from lodestar.store.migrations import MigrationSet, Purge
from lodestar.store.schema import CORE
from lodestar.store.store import Store
from tests.fakes.values import a_request, a_route

OK = Outcome("ok", 200, ttft_ms=12, duration_ms=34)
DOWN = Outcome("error", 500, error="HTTP 500: overloaded", duration_ms=5)
BASE = "http://127.0.0.1:9/v1"
SETTINGS = Settings(
    main="good",
    weak="good",
    routing=RoutingSettings(),
    models={
        name: ModelEntry(provider="openai", model="m-1", api_base=BASE, billing="free")
        for name in ("good", "bad", "m")
    },
)


@pytest.fixture(autouse=True)
def no_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """No thread that probes: these tests are of the table."""
    monkeypatch.setattr(Monitor, "_look", lambda *_: None)


def happen(store: Store, *attempts: tuple[str, Outcome], session: str | None = None) -> None:
    """One exchange whose attempts ended as given; the last one is its outcome."""
    request = a_request(session=session)
    exchanges.open_exchange(store, request, [])
    for number, (alias, outcome) in enumerate(attempts, 1):
        attempt = new_id()
        exchanges.open_attempt(store, attempt, request, a_route(alias), number)
        exchanges.close_attempt(store, attempt, outcome)
    alias, outcome = attempts[-1]
    exchange = Exchange(request, a_route(alias), outcome, len(attempts))
    exchanges.close_exchange(store, exchange, [])
    exchange_finished(exchange, store, SETTINGS)


def tick(store: Store, session: str = "S") -> list[dict[str, str]]:
    """What is said on a tick; what was written just now does not keep it from writing."""
    monitor_of(store, SETTINGS)._flushed = None
    return session_event(session, {"type": "tick"}, store, SETTINGS) or []


@pytest.fixture
def session(store: Store) -> str:
    with store.write() as connection:
        connection.execute(
            "INSERT INTO sessions(id, machine_id, profile, started_ms) VALUES ('S', 'M', 'p', 1)"
        )
    return "S"


def test_each_attempt_is_a_sample_also_the_one_that_was_replaced(store: Store) -> None:
    happen(store, ("first", DOWN), ("second", OK))
    tick(store)
    rows = store.rows("SELECT * FROM health_samples ORDER BY id")
    seen = [(r["alias"], r["ok"], r["http_status"], r["duration_ms"]) for r in rows]
    assert seen == [("first", 0, 500, 5), ("second", 1, 200, 34)]
    assert (rows[0]["error"], rows[1]["ttft_ms"]) == ("HTTP 500: overloaded", 12)
    attempts = [row["id"] for row in store.rows("SELECT id FROM attempts ORDER BY id")]
    assert [row["id"] for row in rows] == attempts
    assert rows[1]["server"] == "127.0.0.1:9"


def test_samples_of_many_exchanges_are_written_at_once(store: Store) -> None:
    tick(store)
    happen(store, ("m", OK))
    session_event("S", {"type": "tick"}, store, SETTINGS)
    for _ in range(5):
        happen(store, ("m", OK))
        session_event("S", {"type": "tick"}, store, SETTINGS)
    assert store.row("SELECT count(*) FROM health_samples")[0] == 1  # type: ignore[index]
    tick(store)
    assert store.row("SELECT count(*) FROM health_samples")[0] == 6  # type: ignore[index]


def test_what_a_killed_session_could_not_write_is_caught_up_once(
    store: Store, session: str
) -> None:
    for _ in range(2):
        happen(store, ("m", OK), session="S")
    monitor = monitor_of(store, SETTINGS)
    for _ in range(2):
        monitor.catch_up(store, 0)
    rows = store.rows("SELECT alias, server, session_id FROM health_samples")
    assert [tuple(row) for row in rows] == [("m", "127.0.0.1:9", "S")] * 2
    tick(store)
    assert len(store.rows("SELECT 1 FROM health_samples")) == 2


@pytest.mark.parametrize("status", ["aborted", "refused", "killed"])
def test_a_call_that_we_ended_is_no_sample(store: Store, status: Status) -> None:
    happen(store, ("m", Outcome(status)))
    tick(store)
    assert not store.rows("SELECT * FROM health_samples")


def test_an_earlier_attempt_counts_as_the_last_one_does(store: Store) -> None:
    routes = [a_route("first", model="m-9"), a_route("second")]
    for _ in range(3):
        exchange = Exchange(a_request(), routes[1], OK, 2, before=[(routes[0], DOWN)])
        exchange_finished(exchange, store, SETTINGS)
    ordered = order_routes(routes, store, SETTINGS)
    assert [route.alias for route in ordered] == ["second", "first"]


def test_the_next_session_knows_what_the_last_one_found_out(
    store: Store, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        happen(store, ("bad", DOWN), session=session)
    tick(store)
    monkeypatch.setattr(monitors, "_monitors", {})
    routes = [a_route("bad"), a_route("other", model="m-2")]
    session_event("S2", {"type": "started"}, store, SETTINGS)
    assert [r.alias for r in order_routes(routes, store, SETTINGS)] == ["other", "bad"]


def test_a_session_hears_of_what_others_found_out_meanwhile(store: Store) -> None:
    tick(store, "S2")
    with store.write() as connection:
        connection.executemany(
            "INSERT INTO health_samples(id, ts_ms, alias, provider, ok, http_status, error, source,"
            " server, model, session_id) VALUES (?, ?, 'bad', 'openai', 0, 500, 'HTTP 500',"
            " 'call', 'one', 'm', 'S1')",
            [(new_id(), now_ms()) for _ in range(3)],
        )
    (said,) = tick(store, "S2")
    assert said["level"] == "warn"
    assert "m at one failed 3 times in a row (HTTP 500)" in said["text"]
    assert tick(store, "S2") == []


def test_the_user_is_told_once_when_a_model_is_left_out_and_when_it_answers(store: Store) -> None:
    for _ in range(5):
        happen(store, ("bad", DOWN))
    happen(store, ("bad", OK))
    said = tick(store)
    assert [one["level"] for one in said] == ["warn", "info"]
    assert "m-1 at 127.0.0.1:9 failed 3 times in a row" in said[0]["text"]
    assert said[1]["text"] == "m-1 at 127.0.0.1:9 answers again"


def test_the_summary_counts_what_failed_and_says_why(store: Store, session: str) -> None:
    happen(store, ("m", OK), session=session)
    happen(store, ("m", DOWN), session=session)
    happen(store, ("m", DOWN), session=session)
    lines = session_event(session, {"type": "finished"}, store, SETTINGS)
    assert lines == ["2 of 3 requests failed: m: HTTP 500: overloaded"]
    assert len(store.rows("SELECT 1 FROM health_samples")) == 3, "the last minute is kept, too"


def test_a_session_without_failures_says_nothing(store: Store, session: str) -> None:
    happen(store, ("m", OK), session=session)
    assert session_event(session, {"type": "finished"}, store, SETTINGS) is None


def test_a_long_reason_is_cut_to_one_line(store: Store, session: str) -> None:
    happen(store, ("m", Outcome("error", 502, error="x\ny " * 200)), session=session)
    (line,) = session_event(session, {"type": "finished"}, store, SETTINGS) or []
    assert len(line) < 200
    assert "\n" not in line


def test_doctor_names_the_models_that_only_fail(store: Store) -> None:
    assert failing_models(store, SETTINGS) == []
    settings = SETTINGS.model_copy(update={"models": {**SETTINGS.models, "bad": _elsewhere("bad")}})
    for _ in range(3):
        happen(store, ("bad", DOWN))
    monitor_of(store, SETTINGS)._entries["bad"] = _elsewhere("bad")
    (problem,) = failing_models(store, settings)
    assert problem.what == "the last calls of bad all failed"
    assert problem.why == "HTTP 500: overloaded"
    assert problem.level == "warn"


def _elsewhere(alias: str) -> ModelEntry:
    return ModelEntry(provider="openai", model="m-1", api_base=f"http://{alias}/v1")


@pytest.mark.parametrize("words", [True, False])
def test_old_samples_go_with_the_rows_and_their_words_with_the_texts(
    words: bool, store: Store
) -> None:
    now = now_ms()
    with store.write() as connection:
        connection.executemany(
            "INSERT INTO health_samples(id, ts_ms, alias, provider, ok, error)"
            " VALUES (?, ?, 'm', 'openai', 0, 'its words')",
            [(str(n), now - n * 1000) for n in range(500)],
        )
    wanted = Purge(before_ms=now - 100_000, text_only=words)
    assert purge.purge(store, [MIGRATIONS], wanted) == 399
    left = store.row("SELECT count(*), count(error) FROM health_samples")
    assert tuple(left or ()) == ((500, 101) if words else (101, 101))


def test_the_samples_of_a_forgotten_project_go_with_it(store: Store) -> None:
    with store.write() as connection:
        connection.execute("INSERT INTO projects VALUES ('P', '/p', 'p', 1)")
        for name, project in (("S1", "P"), ("S2", None)):
            connection.execute(
                "INSERT INTO sessions(id, machine_id, project_id, profile, started_ms)"
                " VALUES (?, 'M', ?, 'p', 1)",
                (name, project),
            )
            connection.execute(
                "INSERT INTO health_samples(id, ts_ms, alias, provider, ok, session_id)"
                " VALUES (?, 1, 'm', 'openai', 1, ?)",
                (name, name),
            )
    purge.purge(store, [MIGRATIONS], Purge(project="P"))
    assert [row["id"] for row in store.rows("SELECT id FROM health_samples")] == ["S2"]


def test_samples_of_the_release_before_are_kept_and_say_nothing(store: Store) -> None:
    path = store.path.parent / "old" / "usage.db"
    first = MigrationSet(MIGRATIONS.name, MIGRATIONS.steps[:1])
    with Store.open(path, [CORE, first]) as old, old.write() as connection:
        connection.execute(
            "INSERT INTO health_samples VALUES ('A', ?, 'm', 'openai', 0, 500, 1, 2, 'x')",
            (now_ms(),),
        )
    with Store.open(path, [CORE, MIGRATIONS]) as new:
        row = new.row("SELECT * FROM health_samples")
        assert row is not None
        assert (row["id"], row["source"], row["server"]) == ("A", "call", None)
        assert monitor_of(new, SETTINGS).board.troubled_models() == []


def test_every_question_about_a_span_of_time_uses_the_index(store: Store) -> None:
    plan = store.rows("EXPLAIN QUERY PLAN SELECT * FROM health_samples WHERE ts_ms > 1")
    assert "health_samples_by_time" in plan[0]["detail"]

"""GET /metrics: what was asked and what it took, in Prometheus's format, behind the token."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from lodestar.exchange import Outcome, Route, Usage
from lodestar.settings import ModelEntry
from lodestar_shim.attempts import Attempt
from lodestar_shim.exposition import exposition
from lodestar_shim.metrics import Metrics
from lodestar_shim.tee import Tee
from tests.fakes.exposition import Family, parse
from tests.fakes.shim_client import Shim, config, wait_for
from tests.fakes.upstream import USAGE, Upstream


@pytest.fixture
def counted(tmp_path: Path, upstream: Upstream) -> Iterator[Shim]:
    """A shim of its own, so that all that it counts is the test's."""
    upstream.clear()
    home = _home(tmp_path, upstream, routing={"retries": 1})
    with Shim(home, env={"LODESTAR_HOME": str(home)}) as running:
        yield running


def _home(home: Path, upstream: Upstream, **settings: Any) -> Path:
    server = {"provider": "openai", "model": "fake-model", "api_base": upstream.url}
    models = {
        "local-coder": {**server, "billing": "free"},
        "paid": {**server, "price_in": 3, "price_out": 15, "tier": 3},
    }
    config(home, json.dumps({"models": models, **settings}))
    return home


def _page(shim: Shim) -> dict[str, Family]:
    status, headers, body = shim.request("GET", "/metrics")
    assert status == 200
    assert headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return parse(body.decode())


def _asked(shim: Shim, count: int) -> dict[str, Family]:
    """The page once so many requests are over: the last record is made after the last byte."""

    def look() -> dict[str, Family] | None:
        page = _page(shim)
        return page if sum(page["lodestar_requests_total"].samples.values()) == count else None

    return cast("dict[str, Family]", wait_for(look))


def test_nobody_reads_it_without_the_token(shim: Shim) -> None:
    for path in ("/metrics", "/lodestar/v1/status"):
        assert shim.request("GET", path, headers={"Authorization": ""})[0] == 401
        assert shim.request("GET", path, headers={"Authorization": "Bearer x"})[0] == 401
        assert shim.request("GET", path, headers={"Host": "rebound.example"})[0] == 421
        assert shim.request("GET", path, headers={"Origin": "http://a.example"})[0] == 403


def test_a_fresh_page_is_whole(counted: Shim) -> None:
    page = _page(counted)
    assert page["lodestar_requests_total"].samples == {}
    assert page["lodestar_overhead_seconds"].value("_count", path="free") == 0
    assert page["lodestar_build_info"].kind == "gauge"


def test_it_counts_what_was_asked(counted: Shim, upstream: Upstream) -> None:
    upstream.script("normal", "normal", "400", "normal")
    assert counted.chat("local-coder")[0] == 200
    assert counted.chat("local-coder", stream=True)[0] == 200
    kind = {"X-Lodestar-Kind": "edit"}
    assert counted.chat("local-coder", headers=kind)[0] == 400
    assert counted.chat("openai/paid")[0] == 200
    page = _asked(counted, 4)
    requests, attempts = page["lodestar_requests_total"], page["lodestar_attempts_total"]
    assert requests.value(alias="local-coder", kind="other", status="ok") == 2
    assert requests.value(alias="local-coder", kind="edit", status="error") == 1
    assert requests.value(alias="paid", kind="other", status="ok") == 1
    assert attempts.value(alias="local-coder", status="ok") == 2
    tokens, usage = page["lodestar_tokens_total"], USAGE
    assert tokens.value(alias="paid", type="input") == usage["prompt_tokens"]
    assert tokens.value(alias="paid", type="output") == usage["completion_tokens"]
    assert page["lodestar_request_duration_seconds"].value("_count", alias="local-coder") == 3
    assert page["lodestar_first_token_seconds"].value("_count", alias="paid") == 1
    assert page["lodestar_hold_wait_seconds"].value("_count") == 1
    overhead = page["lodestar_overhead_seconds"]
    assert overhead.value("_count", path="paid") == 1
    assert overhead.value("_count", path="free") == 3
    charged = counted.rows("SELECT sum(cash_nano) AS nano FROM charges")[0]["nano"]
    assert page["lodestar_cash_nanodollars_total"].value(alias="paid") == charged
    assert charged == 3000 * usage["prompt_tokens"] + 15000 * usage["completion_tokens"]


def test_a_retry_is_a_call_of_its_own(counted: Shim, upstream: Upstream) -> None:
    upstream.script("500", "normal")
    assert counted.chat("local-coder")[0] == 200
    page = _asked(counted, 1)
    assert page["lodestar_retries_total"].value(alias="local-coder") == 1
    attempts = page["lodestar_attempts_total"]
    assert attempts.value(alias="local-coder", status="error") == 1
    assert attempts.value(alias="local-coder", status="ok") == 1
    # The pause before it is no work of ours.
    assert page["lodestar_overhead_seconds"].value("_count", path="free") == 0


def test_the_time_of_an_upstream_is_no_overhead(counted: Shim, upstream: Upstream) -> None:
    upstream.script("hang")
    asking = threading.Thread(target=counted.chat, args=("local-coder",))
    asking.start()
    upstream.wait_requests(1)
    threading.Timer(3, upstream.release).start()
    asking.join(30)
    page = _asked(counted, 1)
    duration = page["lodestar_request_duration_seconds"].value("_sum", alias="local-coder")
    assert duration >= 3
    assert page["lodestar_first_token_seconds"].value("_sum", alias="local-coder") >= 3
    assert page["lodestar_overhead_seconds"].value("_sum", path="free") <= duration - 3


def test_what_runs_now_is_shown(counted: Shim, upstream: Upstream) -> None:
    upstream.script("hang")
    asking = threading.Thread(target=counted.chat, args=("local-coder",))
    asking.start()
    upstream.wait_requests(1)
    assert _page(counted)["lodestar_requests_in_flight"].value() == 1
    upstream.release()
    asking.join(30)
    assert _asked(counted, 1)["lodestar_requests_in_flight"].value() == 0


def test_a_refused_call_is_shown_with_the_model_that_answered(
    tmp_path: Path, upstream: Upstream
) -> None:
    upstream.clear()
    home = _home(tmp_path, upstream, limits={"daily_usd": 0})
    with Shim(home, env={"LODESTAR_HOME": str(home)}) as shim:
        assert shim.chat("paid")[0] == 200
        page = _asked(shim, 1)
    assert page["lodestar_requests_total"].value(alias="paid", kind="other", status="ok") == 1
    assert page["lodestar_fallbacks_total"].samples != {}
    assert page["lodestar_fallbacks_total"].value(**{"from": "paid", "to": "local-coder"}) == 1
    assert page["lodestar_cash_nanodollars_total"].value(alias="local-coder") == 0


def test_the_process_is_shown_as_the_system_sees_it(counted: Shim) -> None:
    page = _page(counted)
    status = Path(f"/proc/{counted.process.pid}/status").read_text("ascii")
    resident = int(status.partition("VmRSS:")[2].split()[0]) << 10
    shown = page["process_resident_memory_bytes"].value()
    assert 0.8 * resident < shown < 1.2 * resident
    open_now = len(os.listdir(f"/proc/{counted.process.pid}/fd"))
    assert abs(page["process_open_fds"].value() - open_now) <= 3
    assert page["process_cpu_seconds_total"].value() > 0
    assert page["process_max_fds"].value() > page["process_open_fds"].value()


def _attempt(alias: str, status: Any, **outcome: Any) -> Attempt:
    entry = ModelEntry(provider="openai", model="m", api_base="http://127.0.0.1:1/v1")
    made = Attempt("id", Route(alias, entry, "you asked"), 1, 0, Tee(), Outcome(status, **outcome))
    made.cash_nano = 5
    return made


def test_retries_and_fallbacks_are_told_apart() -> None:
    metrics = Metrics()
    made = [_attempt("a", "error"), _attempt("a", "error"), _attempt("b", "ok", ttft_ms=50)]
    metrics.exchange("a", "ask", made, 0.0, False)
    metrics.exchange("a", "ask", [_attempt("a", "ok")], 0.0, False)
    metrics.exchange("c", "ask", [], 0.0, True)
    metrics.exchange("c", "ask", [], 0.0, False)
    assert metrics.retries == {"a": 1}
    assert metrics.fallbacks == {("a", "b"): 1}
    assert metrics.attempts == {("a", "error"): 2, ("a", "ok"): 1, ("b", "ok"): 1}
    assert metrics.requests[("c", "ask", "refused")] == 1
    assert metrics.requests[("c", "ask", "aborted")] == 1
    assert sum(metrics.overhead["paid"].counts) == 1
    assert metrics.cash == {"a": 15, "b": 5}
    page = parse(exposition(metrics, 0))
    assert page["lodestar_first_token_seconds"].value("_bucket", alias="b", le="0.05") == 1


def test_large_sums_are_exact_and_odd_names_are_escaped() -> None:
    metrics = Metrics()
    metrics.cash['a"b\\c\nd'] = 2**53 + 1
    text = exposition(metrics, 0)
    assert str(2**53 + 1) in text
    assert parse(text)["lodestar_cash_nanodollars_total"].value(alias='a"b\\c\nd')


def test_a_call_that_was_not_sent_used_no_tokens() -> None:
    metrics = Metrics()
    usage = Usage(input=1000, output=3)
    metrics.exchange("a", "ask", [_attempt("a", "error", usage=usage, sent=False)], 0.0, False)
    assert not any(metrics.tokens["a"])
    metrics.exchange("a", "ask", [_attempt("a", "ok", usage=usage)], 0.0, False)
    assert metrics.tokens["a"][:2] == [1000, 3]


@pytest.mark.parametrize(
    "text",
    [
        "lodestar_x 1\n",
        "# HELP a b\n# TYPE a counter\na 1",
        "# HELP a b\n# TYPE a counter\na 1\na 2\n",
        "# HELP a b\n# TYPE a counter\na -1\n",
        "# HELP a b\n# TYPE a gauge\na one\n",
        '# HELP a b\n# TYPE a gauge\na{x="1"y="2"} 1\n',
        '# HELP a b\n# TYPE a gauge\na{x="\\t"} 1\n',
        "# HELP a b\n# TYPE b gauge\nb 1\n",
        '# HELP a b\n# TYPE a histogram\na_bucket{le="1.0"} 1\na_sum 1\na_count 1\n',
        '# HELP a b\n# TYPE a histogram\na_bucket{le="+Inf"} 1\na_sum 1\na_count 2\n',
    ],
)
def test_the_reader_of_these_tests_is_strict(text: str) -> None:
    with pytest.raises((ValueError, KeyError)):
        parse(text)


def test_counting_holds_no_text_of_requests() -> None:
    """The numbers of labels are those of the catalogue, whatever clients send."""
    metrics = Metrics()
    for _ in range(1000):
        metrics.exchange("a", "ask", [_attempt("a", "ok")], 0.0, False)
    sizes = [vars(metrics)[name] for name in ("requests", "attempts", "tokens", "duration")]
    assert [len(size) for size in sizes] == [1, 1, 1, 1]

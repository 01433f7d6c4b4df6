"""What an attempt is charged, by how it ended: the table of endings.py, row by row."""

from __future__ import annotations

from typing import Any

import pytest

from lodestar.exchange import Outcome, Usage
from lodestar.modules.usage_tracker.endings import MOST_NANO, Ending, judged, may_hide
from lodestar.modules.usage_tracker.prices import Price
from tests.fakes.values import a_request

PRICE = Price(input=3_000, output=15_000)
INPUT, OUTPUT = 1_000, 500
WORST = PRICE.worst(INPUT, OUTPUT)


def usage(input: Any, output: Any, **more: Any) -> Usage:
    """Counts that the provider gave."""
    raw = more.pop("raw", {"prompt_tokens": input, "completion_tokens": output})
    return Usage(input, output, source="provider", raw=raw, **more)


def ended(status: Any = "ok", **fields: Any) -> Outcome:
    """An outcome; a good one had a finish_reason and 40 bytes of text."""
    good = {"http_status": 200, "finish_reason": "stop", "received_bytes": 40}
    return Outcome(status, **({**good, **fields} if status == "ok" else fields))


def judge(outcome: Outcome, hidden: bool = True, worst: int = WORST) -> Ending:
    return judged(outcome, worst, INPUT, OUTPUT, PRICE, hidden)


REPORTED = [
    ("plain", usage(100, 10), 100, 10),
    ("above the hold", usage(1_000, 2_000), 1_000, 2_000),
    ("reasoning in the total only", usage(100, 10, raw={"total_tokens": 160}), 100, 60),
    ("reasoning beside the output", usage(100, 10, reasoning=50), 100, 60),
    ("reasoning within the output", usage(100, 60, reasoning=50), 100, 60),
    ("a total that is too small", usage(100, 10, raw={"total_tokens": 3}), 100, 10),
    ("cached input within the input", usage(100, 10, cache_read=90), 100, 10),
    ("cached input beside the input", usage(10, 10, cache_read=90), 100, 10),
]


@pytest.mark.parametrize(("said", "output"), [(row[1], row[2:]) for row in REPORTED],
                         ids=[row[0] for row in REPORTED])  # fmt: skip
@pytest.mark.parametrize("status", ["ok", "aborted", "error"])
def test_final_usage_that_makes_sense_is_what_is_charged(
    status: Any, said: Usage, output: tuple[int, int]
) -> None:
    """Also where the client left meanwhile, or only the tail broke off."""
    outcome = ended(status, usage=said, finish_reason="stop", received_bytes=40)
    ending = judge(outcome)
    assert (ending.cash_nano, ending.source) == (PRICE.of(*output), "provider")
    assert ending.tokens == output


def test_cached_input_is_charged_at_its_own_price() -> None:
    price = Price(3_000, 15_000, cache_read=300, cache_write=3_750)
    outcome = ended(usage=usage(100, 10, cache_read=60, cache_write=30))
    ending = judged(outcome, WORST, INPUT, OUTPUT, price)
    assert ending.cash_nano == 10 * 3_000 + 60 * 300 + 30 * 3_750 + 10 * 15_000


NONSENSE = [
    usage(-5, 10), usage(100, -1), usage("100", 10), usage(100, "7"), usage(None, 10),
    usage(100, None), usage(True, 10), usage(100.5, 10), usage(10**12, 10), usage(100, 10**18),
    usage(0, 10), usage(100, 0), usage(0, 0), usage(100, 10, raw={"total_tokens": -1}),
    usage(100, 10, raw={"total_tokens": "all"}), usage(100, 10, raw={"total_tokens": 10**15}),
    usage(100, 10, reasoning=-1), usage(100, 10, cache_read=-9), usage(100, 10, cache_write="x"),
    usage(100, 11 * WORST // 15_000),
    Usage(10, 5, source="estimated", raw={"prompt_tokens": "many"}),
]  # fmt: skip


@pytest.mark.parametrize("hidden", [True, False])
@pytest.mark.parametrize("said", NONSENSE, ids=lambda said: f"{said.input}-{said.output}")
def test_usage_that_is_nonsense_is_charged_at_the_worst(said: Usage, hidden: bool) -> None:
    ending = judge(ended(usage=said), hidden)
    assert ending == Ending(WORST, "worst_case", "its usage is nonsense")


def test_no_usage_is_charged_by_the_bytes_received_where_nothing_is_hidden() -> None:
    few = judge(ended(received_bytes=40), hidden=False)
    many = judge(ended(received_bytes=40_000), hidden=False)
    assert (few.cash_nano, few.source) == (PRICE.of(INPUT, 40), "estimated")
    assert (many.cash_nano, many.source) == (WORST, "estimated")


@pytest.mark.parametrize(
    ("outcome", "hidden"),
    [
        (ended(), True),
        (ended(finish_reason=None), False),
        (ended(received_bytes=None), False),
        (ended("aborted"), False),
        (ended("aborted", finish_reason="stop", received_bytes=40), False),
        (ended("aborted", usage=usage(100, 3)), False),
        (ended("error", http_status=200, received_bytes=40), False),
        (ended("error", http_status=200, usage=usage(100, 3)), False),
        (ended("error", error="it took too long to answer"), False),
        (ended("error", http_status=408), False),
        (ended("error", http_status=500), False),
        (ended("error", http_status=503), False),
        (ended("killed"), False),
    ],
)
def test_what_nobody_can_tell_is_charged_at_the_worst(outcome: Outcome, hidden: bool) -> None:
    ending = judge(outcome, hidden)
    assert (ending.cash_nano, ending.source) == (WORST, "worst_case")
    assert ending.reason


@pytest.mark.parametrize(
    "outcome",
    [
        ended("error", sent=False),
        ended("aborted", sent=False),
        ended("refused", sent=False),
        *(ended("error", http_status=status) for status in (307, 400, 401, 403, 404, 413, 429)),
    ],
)
def test_nothing_is_charged_where_the_provider_did_nothing(outcome: Outcome) -> None:
    ending = judge(outcome)
    assert (ending.cash_nano, ending.source) == (0, "unsent")
    assert ending.reason


def test_a_refusal_that_reports_usage_is_charged() -> None:
    outcome = ended("error", http_status=400, usage=usage(100, 10))
    assert judge(outcome).cash_nano == WORST


def test_an_answer_that_ran_over_its_cap_is_charged_for_all_that_came() -> None:
    little = judge(ended("error", http_status=200, overran=True, received_bytes=10))
    much = judge(ended("error", http_status=200, overran=True, received_bytes=9_000))
    assert (little.cash_nano, little.source) == (WORST, "worst_case")
    assert (much.cash_nano, much.source) == (PRICE.of(INPUT, 9_000), "worst_case")


def test_no_amount_is_more_than_the_database_can_hold() -> None:
    dear = Price(10**8, 10**8)
    outcomes = [
        ended(usage=usage(10**9 - 1, 10**9 - 1)),
        ended("error", overran=True, received_bytes=10**12),
        ended("error"),
        ended(received_bytes=10**12),
    ]
    for outcome in outcomes:
        ending = judged(outcome, MOST_NANO, 10**10, 10**10, dear, hidden=False)
        assert 0 <= ending.cash_nano <= MOST_NANO


@pytest.mark.parametrize(
    ("model", "body", "stream", "hides"),
    [
        ("gpt-4o-mini", {}, True, False),
        ("openai/gpt-4.1", {}, True, False),
        ("gpt-4o", {}, False, True),
        ("gpt-4o", {"reasoning_effort": "low"}, True, True),
        ("claude-3-haiku-20240307", {"thinking": {"type": "enabled"}}, True, True),
        ("o3-mini", {}, True, True),
        ("gpt-5", {}, True, True),
        ("grok-beta", {}, True, True),
        ("something-new", {}, True, True),
    ],
)
def test_only_a_streamed_answer_of_a_model_known_for_it_hides_nothing(
    model: str, body: dict[str, Any], stream: bool, hides: bool
) -> None:
    request = a_request(**body)
    if not stream:
        object.__setattr__(request, "stream", False)
    assert may_hide(request, model) is hides

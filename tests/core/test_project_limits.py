"""A repository may tighten the user's limits, and loosen none of them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from lodestar.loading import Context, load
from lodestar.settings import Limits
from lodestar.trust.limits import GATED, TIGHTENED
from lodestar.trust.question import decide

USER = """
limits:
  session_minutes: 60
  idle_minutes: 30
  call_usd: 0.5
  session_usd: 1
  daily_usd: 2
  weekly_usd: 10
  monthly_usd: 30
  session_tokens: 1000
  daily_tokens: 2000
  weekly_tokens: 10000
  monthly_tokens: 30000
  free_only: true
  wait_s: 20
"""
NUMBERS = [key for key in Limits.model_fields if key.endswith(("_usd", "_tokens", "_minutes"))]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "home" / "profiles").mkdir(parents=True)
    (tmp_path / "home" / "config.yaml").write_text(USER)
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    return tmp_path


def look(place: Path, text: str | None = None, **environ: str) -> Context:
    if text is not None:
        (place / "repo" / ".lodestar.yaml").write_text(text)
    return load({}, {"LODESTAR_HOME": str(place / "home"), **environ}, place / "repo")


def test_there_is_a_rule_for_every_limit() -> None:
    assert {f"limits.{key}" for key in Limits.model_fields} == TIGHTENED | GATED
    assert {"free_only", "count_suspend", "on_limit", "wait_s", *NUMBERS} == set(
        Limits.model_fields
    )


@pytest.mark.parametrize("key", NUMBERS)
def test_a_project_lowers_a_limit_and_cannot_raise_it(place: Path, key: str) -> None:
    own = getattr(look(place).settings.limits, key)
    for value in (own * 1000, own + 1):
        raised = look(place, f"limits: {{{key}: {value}}}")
        assert getattr(raised.settings.limits, key) == own
        (line,) = raised.warnings
        assert line.endswith(f":1: `limits.{key}` is ignored: a project can only tighten it")
    lowered = look(place, f"limits: {{{key}: 1}}" if own > 1 else f"limits: {{{key}: 0.01}}")
    assert getattr(lowered.settings.limits, key) in (1, Decimal("0.01"))
    assert lowered.warnings == ()


@pytest.mark.parametrize("key", NUMBERS)
def test_a_project_may_set_a_limit_where_the_user_has_none(place: Path, key: str) -> None:
    (place / "home" / "config.yaml").write_text("")
    context = look(place, f"limits: {{{key}: 5}}")
    assert getattr(context.settings.limits, key) == 5
    assert context.warnings == ()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *((key, value) for key in NUMBERS for value in ("null", ".inf")),
        *(("daily_usd", value) for value in (".nan", "many", "[1]", "-1", "{a: 1}", "1e-12")),
        *(("daily_tokens", value) for value in (".nan", "many", "[1]", "-1", "{a: 1}", "0.5")),
    ],
)
def test_no_odd_value_lifts_a_limit(place: Path, key: str, value: str) -> None:
    own = getattr(look(place).settings.limits, key)
    context = look(place, f"limits: {{{key}: {value}}}")
    assert getattr(context.settings.limits, key) == own
    assert context.warnings


def test_a_cent_is_obeyed_while_the_thousandfold_beside_it_is_not(place: Path) -> None:
    context = look(place, "limits:\n  daily_usd: 2000\n  session_usd: 0.01\n")
    assert context.settings.limits.session_usd == Decimal("0.01")
    assert context.settings.limits.daily_usd == 2
    (line,) = context.warnings
    assert line.endswith(".lodestar.yaml:2: `limits.daily_usd` is ignored:"
                         " a project can only tighten it")  # fmt: skip
    assert context.origins["limits.session_usd"].endswith(".lodestar.yaml:3")


def test_switches_can_only_be_switched_to_the_tighter_side(place: Path) -> None:
    context = look(place, "limits: {free_only: false, count_suspend: false}")
    assert (context.settings.limits.free_only, context.settings.limits.count_suspend) == (True,) * 2
    assert len(context.warnings) == 2
    (place / "home" / "config.yaml").write_text("limits: {count_suspend: false}")
    context = look(place, "limits: {free_only: true, count_suspend: true}")
    assert (context.settings.limits.free_only, context.settings.limits.count_suspend) == (True,) * 2
    assert context.warnings == ()


def test_what_to_do_at_a_limit_needs_trust_and_is_shown_for_it(place: Path) -> None:
    text = "limits: {on_limit: stop, wait_s: 0, daily_usd: 1}"
    before = look(place, text)
    assert (before.settings.limits.on_limit, before.settings.limits.wait_s) == ("downgrade", 20)
    assert before.settings.limits.daily_usd == 1
    assert [line.rpartition(": `")[2] for line in before.warnings] == [
        "limits.on_limit` is ignored: it needs `lodestar trust`",
        "limits.wait_s` is ignored: it needs `lodestar trust`",
    ]
    assert [(line.text, line.counts) for line in before.lines] == [
        ("limits.on_limit: stop", True),
        ("limits.wait_s: 0", True),
    ]
    decide(before, "trusted")
    after = look(place)
    assert (after.settings.limits.on_limit, after.settings.limits.wait_s) == ("stop", 0)
    assert after.warnings == ()


def test_trust_does_not_let_a_repository_raise_a_limit(place: Path) -> None:
    decide(look(place, "limits: {daily_usd: 2000, on_limit: ask}"), "trusted")
    context = look(place)
    assert context.settings.limits.daily_usd == 2
    assert context.settings.limits.on_limit == "ask"
    assert "a project can only tighten it" in context.warnings[0]


@pytest.mark.parametrize(
    ("profile", "why"),
    [
        ("limits: {daily_usd: 3}", "it would lift `limits.daily_usd`"),
        ("limits: {daily_usd: null}", "it would lift `limits.daily_usd`"),
        ("limits: {free_only: false}", "it would lift `limits.free_only`"),
        ("limits: {session_minutes: 99}", "it would lift the session limit"),
    ],
)
def test_a_profile_that_loosens_a_limit_cannot_be_chosen_by_a_project(
    place: Path, profile: str, why: str
) -> None:
    (place / "home" / "profiles" / "lax.yaml").write_text(profile)
    before = look(place).settings
    context = look(place, "profile: lax")
    assert context.settings == before
    assert why in context.warnings[0]
    decide(context, "trusted")
    assert look(place).settings == before


def test_a_profile_that_tightens_can_be_chosen_and_one_with_a_policy_needs_trust(
    place: Path,
) -> None:
    (place / "home" / "profiles" / "tight.yaml").write_text("limits: {daily_usd: 0.1}")
    (place / "home" / "profiles" / "hard.yaml").write_text("limits: {on_limit: stop}")
    assert look(place, "profile: tight").settings.limits.daily_usd == Decimal("0.1")
    assert "would change `limits.on_limit`" in look(place, "profile: hard").warnings[0]
    decide(look(place), "trusted")
    assert look(place).settings.limits.on_limit == "stop"


def test_the_users_own_flag_and_variable_outrank_the_project(place: Path) -> None:
    context = look(place, "limits: {daily_usd: 1}", LODESTAR_LIMITS__DAILY_USD="1.5")
    assert context.settings.limits.daily_usd == Decimal("1.5")

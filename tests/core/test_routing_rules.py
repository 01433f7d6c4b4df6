"""A repository may make routing more careful, and never less."""

from __future__ import annotations

from pathlib import Path

import pytest

from lodestar.errors import UsageError
from lodestar.loading import Context, load
from lodestar.settings import ModelEntry, RoutingSettings, Settings
from lodestar.trust.question import decide
from lodestar.trust.routing import PROFILE_ONLY, TIGHTENED

USER = "routing: {escalate: ask, escalate_after: 3, retries: 1}\n"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "home" / "profiles").mkdir(parents=True)
    (tmp_path / "home" / "config.yaml").write_text(USER)
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    return tmp_path


def look(place: Path, text: str) -> Context:
    (place / "repo" / ".lodestar.yaml").write_text(text)
    return load({}, {"LODESTAR_HOME": str(place / "home")}, place / "repo")


def test_there_is_a_rule_for_every_setting() -> None:
    keys = {f"routing.{key}" for key in RoutingSettings.model_fields}
    assert keys == TIGHTENED | PROFILE_ONLY
    assert not TIGHTENED & PROFILE_ONLY


@pytest.mark.parametrize(
    ("key", "tighter", "looser"),
    [("escalate", "never", "auto"), ("escalate_after", 5, 2), ("retries", 0, 2)],
)
def test_a_project_tightens_and_cannot_loosen(
    place: Path, key: str, tighter: object, looser: object
) -> None:
    context = look(place, f"routing: {{{key}: {tighter}}}")
    assert getattr(context.settings.routing, key) == tighter
    assert context.warnings == ()
    context = look(place, f"routing: {{{key}: {looser}}}")
    assert context.settings.routing == RoutingSettings(escalate="ask", escalate_after=3, retries=1)
    (line,) = context.warnings
    assert line.endswith(f":1: `routing.{key}` is ignored: a project can only tighten it")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("routing: {auto: [claude-opus]}", "`routing.auto` is ignored: a repository cannot set it"),
        ("routing: {breaker_s: 1}", "`routing.breaker_s` is ignored: a repository cannot set it"),
        ("routing: {retries: many}", "`routing.retries` is ignored: its value is not valid"),
        ("routing: [1]", "`routing` is ignored: it must hold `key: value` lines"),
        ("ollama: {url: http://evil.example}", "`ollama` is ignored: a repository cannot set it"),
        ("routing: {retrys: 1}", "unknown key `routing.retrys`"),
    ],
)
@pytest.mark.parametrize("trusted", [False, True])
def test_what_a_project_cannot_set_is_left_out_and_said(
    place: Path, text: str, why: str, trusted: bool
) -> None:
    context = look(place, text)
    if trusted:
        decide(context, "trusted")
        context = load({}, {"LODESTAR_HOME": str(place / "home")}, place / "repo")
    assert context.settings.routing.retries == 1
    assert context.settings.routing.auto == []
    assert context.settings.ollama.url is None
    if not trusted:
        assert why in "\n".join(context.warnings)


def test_a_profile_of_the_users_that_goes_up_by_itself_is_not_a_projects_to_choose(
    place: Path,
) -> None:
    (place / "home" / "profiles" / "bold.yaml").write_text("routing: {escalate: auto}\n")
    context = look(place, "profile: bold")
    assert context.settings.routing.escalate == "ask"
    assert "it would loosen `routing.escalate`" in "\n".join(context.warnings)


def test_a_profile_sets_routing(place: Path) -> None:
    (place / "home" / "config.yaml").write_text("profile: bold\n")
    (place / "home" / "profiles" / "bold.yaml").write_text(
        "routing: {escalate: auto, auto: [local-coder, gpt-4o]}\n"
    )
    routing = look(place, "{}").settings.routing
    assert (routing.escalate, routing.auto) == ("auto", ["local-coder", "gpt-4o"])


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"provider": "litellm", "model": "claude"}, "needs a model such as anthropic/"),
        ({"provider": "litellm", "model": "a/b", "api_base": "a.example"}, "must be an http"),
        ({"provider": "ollama", "model": "a", "api_base": "a.example"}, "must be an http"),
        ({"provider": "openai", "model": "a"}, "must be an http"),
        ({"provider": "engine", "model": "a"}, "set billing: local"),
        ({"provider": "openai", "model": "a", "api_base": "http://a", "fallbacks": ["a b"]}, "pat"),
    ],
)
def test_an_entry_that_cannot_be_meant_is_refused(fields: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        ModelEntry.model_validate(fields)


def test_the_address_of_ollama_has_no_blank_in_it(place: Path) -> None:
    assert Settings.model_validate({"ollama": {"url": "gpu.lan"}}).ollama.url == "gpu.lan"
    (place / "home" / "config.yaml").write_text("ollama: {url: 'gpu .lan'}\n")
    with pytest.raises(UsageError, match=r"`ollama\.url` is not valid"):
        look(place, "{}")

"""What a repository wants to set counts only for the very bytes that the user trusted."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from lodestar.loading import load
from lodestar.trust.pins import Pins
from lodestar.trust.question import decide
from tests.core.conftest import Repository


def test_test_and_lint_commands_count_once_trusted_and_not_before(repository: Repository) -> None:
    repository.write(".aider.conf.yml", "auto-test: true\ntest-cmd: make test\nlint-cmd: [ruff]\n")
    assert repository.load().repository_args == ()
    assert repository.load().standing.undecided
    assert set(repository.trust().repository_args) == {
        "--auto-test",
        "--test-cmd=make test",
        "--lint-cmd=ruff",
    }


@pytest.mark.parametrize(
    ("name", "how"),
    [
        *product((".env", ".aiderignore", ".lodestar.yaml"), ("changed", "appears", "goes")),
        ("CONVENTIONS.md", "changed"),
        ("CONVENTIONS.md", "goes"),
    ],
)
def test_any_change_of_a_relevant_file_takes_the_trust_away(
    repository: Repository, name: str, how: str
) -> None:
    config = "test-cmd: make\n" + ("read: CONVENTIONS.md\n" if name == "CONVENTIONS.md" else "")
    repository.write(".aider.conf.yml", config)
    file = repository.root / name
    if how != "appears":
        repository.write(name, "# A\n")
    assert "--test-cmd=make" in repository.trust().repository_args
    if how == "goes":
        file.unlink()
    else:
        repository.write(name, "# B\n")
    assert repository.load().repository_args == ()
    assert repository.load().standing.changed


def test_trust_belongs_to_the_real_path_of_the_root(repository: Repository, tmp_path: Path) -> None:
    repository.write(".aider.conf.yml", "test-cmd: make\n")
    repository.trust()
    (tmp_path / "alias").symlink_to(repository.root)
    assert load({}, folder=tmp_path / "alias").standing.trusted
    copy = Repository(tmp_path / "copy", tmp_path / "other")
    copy.write(".aider.conf.yml", "test-cmd: make\n")
    assert not copy.load().standing.trusted


def test_a_decision_is_kept_private_and_can_be_revoked(
    repository: Repository, isolated_home: Path
) -> None:
    repository.write(".aider.conf.yml", "test-cmd: make\nopenai-api-key: sk-theirs\n")
    context = repository.trust()
    (file,) = (isolated_home / "trust").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert "sk-theirs" not in file.read_text()
    assert Pins(context.home).revoke(repository.root)
    assert repository.load().standing.undecided
    assert not Pins(context.home).revoke(repository.root)


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"root": 1, "files": {}, "lines": []}', "\0"])
def test_a_broken_pin_is_no_pin(repository: Repository, isolated_home: Path, text: str) -> None:
    repository.write(".aider.conf.yml", "test-cmd: make\n")
    repository.trust()
    (file,) = (isolated_home / "trust").iterdir()
    file.write_text(text)
    assert not repository.load().standing.trusted
    assert list(Pins(repository.load().home)) == []


def test_what_was_hashed_is_what_is_used(repository: Repository) -> None:
    """The file changes between the look and the decision: what was looked at is pinned."""
    repository.write(".aider.conf.yml", "test-cmd: make\n")
    seen = repository.load()
    repository.write(".aider.conf.yml", "test-cmd: evil\n")
    decide(seen, "trusted")
    assert repository.load().repository_args == ()
    repository.write(".aider.conf.yml", "test-cmd: make\n")
    assert repository.load().repository_args == ("--test-cmd=make",)


def test_project_files_of_two_folders_are_trusted_one_by_one(repository: Repository) -> None:
    repository.write(".lodestar.yaml", "rating: {enabled: false}\n")
    repository.write("sub/.lodestar.yaml", "training: {opt_in: true}\n")
    assert not repository.trust().settings.rating.enabled
    assert not repository.load("sub").settings.training.opt_in
    assert repository.trust("sub").settings.training.opt_in
    assert not repository.load().settings.rating.enabled
    decide(repository.load("sub"), "ignored")
    assert repository.load().settings.rating.enabled


def test_a_project_file_may_do_more_once_trusted(repository: Repository) -> None:
    text = "rating: {enabled: false}\ntraining: {opt_in: true}\naider: {args: [--test-cmd, make, "
    repository.write(".lodestar.yaml", text + "--auto-test, --load, evil, --map-tokens=0, x.py]}\n")
    before = repository.load()
    assert before.settings.rating.enabled
    assert [line.count("needs `lodestar trust`") for line in before.warnings] == [1, 1, 1]
    after = repository.trust()
    assert not after.settings.rating.enabled
    assert after.settings.training.opt_in
    assert after.settings.aider.args == []
    assert after.repository_args == ("--map-tokens=0", "--test-cmd=make", "--auto-test")
    assert after.warnings == ()


@pytest.mark.parametrize(
    "text",
    [
        "models: {paid: {provider: openai, model: m, api_base: 'https://evil.org/v1'}}",
        "limits: {session_minutes: 100000}\ntier_ceiling: 5",
        "allow_unmetered: true",
        "aider: {python: ./evil}",
        "log: {text: full}",
        "modules: {usage_tracker: {enabled: false}}",
        "main: dear",
        "profile: high",
        "main: nobody-knows",
    ],
)
def test_trust_never_moves_requests_limits_or_prices(repository: Repository, text: str) -> None:
    before = repository.load().settings
    repository.write(".lodestar.yaml", f"{text}\nrating: {{enabled: true}}\n")
    assert repository.trust().settings.model_dump() == before.model_dump()


@pytest.mark.parametrize(
    ("text", "what"), [("main: paid", "can cost money"), ("profile: bold", "`aider.args`")]
)
def test_a_choice_that_spends_or_runs_counts_once_trusted(
    repository: Repository, text: str, what: str
) -> None:
    repository.write(".lodestar.yaml", f"{text}\n")
    before = repository.load()
    assert what in before.warnings[0]
    assert [(line.where, line.counts) for line in before.lines] == [(".lodestar.yaml:1", True)]
    after = repository.trust()
    assert (after.settings.main, after.settings.aider.args) != (
        before.settings.main,
        before.settings.aider.args,
    )


def test_what_was_ignored_is_not_told_again(repository: Repository) -> None:
    repository.write(".lodestar.yaml", "training: {opt_in: true}\n")
    decide(repository.load(), "ignored")
    assert repository.load().warnings == ()
    assert not repository.load().standing.undecided


@pytest.mark.parametrize(
    ("text", "number", "shown", "why"),
    [
        ("profile: high", 2, "profile: high", "it would raise the tier ceiling"),
        ("main: dear", 2, "main: dear", "`dear` can cost money, and is above your tier ceiling"),
        ("main: nobody-knows", 2, "main: nobody-knows", "there is no model called `nobody-knows`"),
        ("limits: {session_minutes: null}", 0, "", "it would lift the session limit"),
        ("rating: {timeout_s: soon}", 0, "", "rating.timeout_s"),
    ],
)
def test_where_the_whole_file_is_ignored_none_of_its_lines_can_be_trusted(
    repository: Repository, text: str, number: int, shown: str, why: str
) -> None:
    repository.write(".lodestar.yaml", f"aider: {{args: [--test-cmd, make x]}}\n{text}\n")
    repository.write(".aider.conf.yml", "test-cmd: make\n")
    before = repository.load()
    assert [line.where for line in before.lines if line.counts] == [".aider.conf.yml:1"]
    (reason,) = [line for line in before.lines if "the whole file is ignored" in line.effect]
    assert (reason.number, reason.text) == (number, shown)
    assert why in reason.effect
    after = repository.trust()
    assert after.repository_args == ("--test-cmd=make",)
    assert after.settings.model_dump() == before.settings.model_dump()


def test_of_one_option_set_twice_the_line_that_loses_names_the_one_that_runs(
    repository: Repository,
) -> None:
    text = "aider: {args: [--test-cmd, make x, --no-auto-test, --lint-cmd, a]}\n"
    repository.write(".lodestar.yaml", text)
    repository.write(".aider.conf.yml", "test-cmd: make y\nauto-test: true\nlint-cmd: b\n")
    context = repository.trust()
    assert [(line.text, line.counts, line.effect) for line in context.lines] == [
        ("auto-test: false", False, "is overridden by .aider.conf.yml:2"),
        ("test-cmd: make x", False, "is overridden by .aider.conf.yml:1"),
        ("lint-cmd: a", True, "runs `a` on each edited file"),
        ("test-cmd: make y", True, "runs `make y` after each edit"),
        ("auto-test: true", True, "runs the test command after each edit"),
        ("lint-cmd: b", True, "runs `b` on each edited file"),
    ]
    assert set(context.repository_args) == {
        "--test-cmd=make y",
        "--auto-test",
        "--lint-cmd=a",
        "--lint-cmd=b",
    }

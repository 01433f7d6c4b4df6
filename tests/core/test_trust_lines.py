"""Which lines of a repository matter, what they say they do, and what they become."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lodestar.terminal import visible
from lodestar.trust import options
from lodestar.trust.options import ALLOWED, NEVER
from tests.core.conftest import Repository

OPTIONS = (
    "from aider.args import get_parser\n"
    "print(*(name for action in get_parser([], None)._actions for name in action.option_strings))"
)


@pytest.mark.parametrize("name", sorted(NEVER))
def test_what_is_never_applied_is_never_applied(repository: Repository, name: str) -> None:
    repository.write(".aider.conf.yml", f"{name}: x\ntest-cmd: make\n")
    context = repository.trust()
    assert context.repository_args == ("--test-cmd=make",)
    (line,) = [line for line in context.lines if not line.counts]
    assert line.where == ".aider.conf.yml:1"


def test_every_allowed_option_is_one_of_aiders_and_none_is_forbidden_too() -> None:
    command = [sys.executable, "-W", "ignore", "-c", OPTIONS]
    known = set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    assert {f"--{name}" for name in (*ALLOWED, *NEVER)} <= known
    assert not ALLOWED.keys() & NEVER.keys()
    flags = {name for name, option in ALLOWED.items() if option.kind == "flag"}
    assert {n for n in flags if f"--no-{n}" not in known} == options.STORE_TRUE


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("test-cmd: --load=evil", ("--test-cmd=--load=evil",)),
        ("auto-lint: false", ("--no-auto-lint",)),
        ("show-diffs: no", ()),
        (
            "lint-cmd:\n  - 'python: ruff'\n  - eslint",
            ("--lint-cmd=python: ruff", "--lint-cmd=eslint"),
        ),
        ("test-cmd: a\ntest-cmd: b", ("--test-cmd=b",)),
        ("test-cmd: [a, b]", ()),
        ("test-cmd: {a: b}", ()),
        ("test-cmd: 'a\u202eb'", ()),
        ('test-cmd: "a\\nb"', ()),
        ("test-cmd: " + "x" * 401, ()),
        ("test-cmd: ''", ()),
        ("edit-format: Whole!", ()),
        ("auto-test: maybe", ()),
        ("map-tokens: 1e9", ()),
        ("line-endings: crlf", ("--line-endings=crlf",)),
        ("dark-mode: true", ()),
        ("nonsense: true", ()),
    ],
)
def test_values_become_one_argument_each_or_none(
    repository: Repository, text: str, arguments: tuple[str, ...]
) -> None:
    repository.write(".aider.conf.yml", text + "\n")
    assert repository.trust().repository_args == arguments


@pytest.mark.parametrize(
    "name", ["../outside.md", "/etc/passwd", "~/x.md", "link.md", "folder", "l/a.md", "no.md", "."]
)
def test_only_a_plain_file_inside_is_shown_to_the_model(repository: Repository, name: str) -> None:
    outside = repository.root.parent / "outside.md"
    outside.write_text("a secret")
    (repository.root / "link.md").symlink_to(outside)
    (repository.root / "folder").mkdir()
    (repository.root / "folder" / "a.md").write_text("a")
    (repository.root / "l").symlink_to("folder")
    repository.write(".aider.conf.yml", f"read: {name}\n")
    assert repository.trust().repository_args == ()
    repository.write(".aider.conf.yml", "read: [folder/a.md]\n")
    assert repository.trust().repository_args == (f"--read={repository.root}/folder/a.md",)


def test_nothing_that_steers_a_terminal_is_left_in_a_line(repository: Repository) -> None:
    evil = "\x1b]0;owned\x07\u202e\x9b2J\r"
    repository.write(".env", f"OPENAI_API_BASE={evil}\nAIDER_{evil}=1\n")
    repository.write(".aider.model.settings.yml", f"- api_base: {evil}\n")
    repository.write(".aider.conf.yml", f'test-cmd: "{evil.encode("unicode_escape").decode()}"\n')
    repository.write(".lodestar.yaml", f'"{visible(evil)}": 1\n')
    lines = repository.load().lines
    assert len(lines) == 5
    assert all((line.where + line.text + line.effect).isprintable() for line in lines)


def test_a_key_of_the_repository_is_not_shown(repository: Repository) -> None:
    repository.write(".env", "OPENAI_API_KEY=sk-theirs\nexport X_TOKEN='abc'\nDATABASE=postgres\n")
    repository.write(
        ".aider.conf.yml", "set-env: [OPENAI_API_KEY=sk-theirs]\napi-key: a=sk-theirs\n"
    )
    lines = repository.load().lines
    assert len(lines) == 4
    assert not any("theirs" in line.text or "abc" in line.text for line in lines)


def test_more_lines_than_anybody_reads_count_for_nothing(repository: Repository) -> None:
    (repository.root / "a.md").write_text("a")
    text = "test-cmd: make\n" + f"read: [{'a.md, ' * 300}]\n"
    repository.write(".aider.conf.yml", text)
    assert repository.trust().repository_args == ()


def test_commands_are_shown_last_and_say_when_they_run(repository: Repository) -> None:
    repository.write(".aider.conf.yml", "test-cmd: make\nload: x\nauto-test: true\nmap-tokens: 0\n")
    lines = repository.load().lines
    assert [line.runs for line in lines] == [False, False, True, True]
    assert lines[0].effect == NEVER["load"]
    assert [line.effect for line in lines[2:]] == [
        "runs `make` after each edit",
        "runs the test command after each edit",
    ]

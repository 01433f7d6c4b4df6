"""A repository may choose among the user's own names and tighten limits, nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from lodestar.loading import Context, load
from lodestar.project import find_project

CONFIG = """
tier_ceiling: 3
limits: {session_minutes: 60}
models:
  paid: {provider: openai, model: m, api_base: "https://api.example.org/v1", tier: 5}
  dear: {provider: openai, model: m, api_base: "https://api.example.org/v1", tier: 5, billing: free}
  mine: {provider: openai, model: m, api_base: "http://127.0.0.1:1/v1", billing: free}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "home" / "profiles").mkdir(parents=True)
    (tmp_path / "home" / "config.yaml").write_text(CONFIG)
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    (tmp_path / "repo" / "deep" / "er").mkdir(parents=True)
    return tmp_path


def with_file(place: Path, text: str) -> Context:
    (place / "repo" / ".lodestar.yaml").write_text(text)
    return load({}, {"LODESTAR_HOME": str(place / "home")}, place / "repo" / "deep")


def plain(place: Path) -> Context:
    return load({}, {"LODESTAR_HOME": str(place / "home")}, place / "repo")


@pytest.mark.parametrize(
    "text",
    [
        "models: {paid: {provider: openai, model: m, api_base: 'https://evil.org/v1'}}",
        "allow_unmetered: true",
        "aider: {args: ['--test-cmd', 'touch PWNED', '--test']}",
        "aider: {python: ./evil}",
        "training: {opt_in: true}",
        "log: {text: full}",
        "modules: {usage_tracker: {enabled: false}}",
        "engine: {threads: 256}",
        "rating: {enabled: false}",
        "timezone: Asia/Tokyo",
        "tier_ceiling: 5",
        "tier_ceiling: .inf",
        "tier_ceiling: many",
        "limits: {session_minutes: 9999}",
        "limits: {session_minutes: .inf}",
        "limits: 7",
        "main: paid",
        "weak: paid",
        "editor: dear",
        "main: nobody-knows",
        "main: [a, b]",
        "profile: ../../etc/passwd",
        "profile: no-such-profile",
        "unknown_key: 1",
        "- a list",
        "key: [unclosed",
        "a: &a [*a]",
        "main: !!python/object/apply:os.system ['true']",
    ],
)
def test_what_a_stranger_may_not_set_is_left_out_with_a_warning(place: Path, text: str) -> None:
    before = plain(place).settings
    context = with_file(place, text)
    assert context.settings == before
    assert context.warnings
    assert all(str(place / "repo" / ".lodestar.yaml") in line for line in context.warnings)


def test_a_project_may_choose_a_free_model_of_the_user(place: Path) -> None:
    context = with_file(place, "main: mine\ntier_ceiling: 1\nlimits: {session_minutes: 5}")
    assert context.settings.main == "mine"
    assert context.settings.tier_ceiling == 1
    assert context.settings.limits.session_minutes == 5
    assert context.warnings == ()


def test_a_project_may_choose_a_profile_that_changes_nothing_dangerous(place: Path) -> None:
    (place / "home" / "profiles" / "quick.yaml").write_text("limits: {session_minutes: 10}")
    assert with_file(place, "profile: quick").settings.limits.session_minutes == 10


@pytest.mark.parametrize(
    "profile",
    ["training: {opt_in: true}", "main: paid", "aider: {args: ['--yes']}", "tier_ceiling: 5"],
)
def test_a_project_may_not_choose_a_profile_that_spends_shares_or_runs(
    place: Path, profile: str
) -> None:
    (place / "home" / "profiles" / "bold.yaml").write_text(profile)
    before = plain(place).settings
    context = with_file(place, "profile: bold")
    assert context.settings == before
    assert "ignored" in context.warnings[-1]


def test_what_the_user_chose_may_be_chosen_again(place: Path) -> None:
    (place / "home" / "config.yaml").write_text(CONFIG + "main: paid\n")
    context = with_file(place, "main: paid\nlimits: {session_minutes: 5}")
    assert context.settings.main == "paid"
    assert context.warnings == ()


def test_the_harmless_part_of_a_file_counts_and_the_rest_is_named(place: Path) -> None:
    context = with_file(place, "main: mine\nallow_unmetered: true")
    assert context.settings.main == "mine"
    assert not context.settings.allow_unmetered
    (warning,) = context.warnings
    assert ".lodestar.yaml:2: `allow_unmetered` is ignored" in warning


def test_a_link_and_a_huge_file_are_ignored(place: Path) -> None:
    outside = place / "outside.yaml"
    outside.write_text("main: mine")
    link = place / "repo" / ".lodestar.yaml"
    link.symlink_to(outside)
    assert plain(place).settings.main == "local-coder"
    link.unlink()
    assert with_file(place, "main: mine\n" + "# filler\n" * 10_000).settings.main == "local-coder"


def test_the_root_is_the_git_root_and_the_nearest_file_wins(place: Path) -> None:
    repo = place / "repo"
    (repo / ".lodestar.yaml").write_text("")
    (repo / "deep" / ".lodestar.yaml").write_text("")
    assert find_project(repo / "deep" / "er").file == repo / "deep" / ".lodestar.yaml"
    assert find_project(repo / "deep" / "er").root == repo
    assert find_project(repo).file == repo / ".lodestar.yaml"


def test_a_file_above_the_git_root_is_not_looked_at(place: Path) -> None:
    (place / ".lodestar.yaml").write_text("main: mine")
    assert find_project(place / "repo" / "deep").file is None


def test_outside_a_repository_only_the_folder_itself_counts(place: Path) -> None:
    (place / "a" / "b").mkdir(parents=True)
    (place / "a" / ".lodestar.yaml").write_text("")
    found = find_project(place / "a" / "b")
    assert (found.root, found.file) == (place / "a" / "b", None)
    assert find_project(place / "a").file == place / "a" / ".lodestar.yaml"


def test_a_worktree_whose_git_is_a_file_is_a_repository(place: Path) -> None:
    (place / "tree" / "sub").mkdir(parents=True)
    (place / "tree" / ".git").write_text("gitdir: elsewhere")
    assert find_project(place / "tree" / "sub").root == place / "tree"


@pytest.mark.parametrize(
    "text",
    [
        "limits: {session_minutes: null}\n",
        "limits: 5\n",
        "limits: [1]\n",
        "x: 2001-99-99\n",
        "x: 0x_\n",
        "limits: &a {b: *a}\n",
        "[" * 5000,
        "main: claude\n",
        "weak: claude\n",
        "profile: lax\n",
        "\udc80: 1\n",
    ],
)
def test_no_project_file_loosens_or_breaks_anything(isolated_home: Path, text: str) -> None:
    """The user pays for `claude` as editor, and only there; sessions end after 20 minutes."""
    (isolated_home / "profiles").mkdir(parents=True)
    (isolated_home / "profiles" / "lax.yaml").write_text("limits: {session_minutes: null}\n")
    (isolated_home / "config.yaml").write_text(
        "editor: claude\nlimits: {session_minutes: 20}\nmodels: {claude: {provider: openai,"
        " model: c, api_base: 'https://example.org/v1', tier: 1}}\n"
    )
    folder = isolated_home.parent / "repository"
    (folder / ".git").mkdir(parents=True)
    (folder / ".lodestar.yaml").write_bytes(text.encode("utf-8", "surrogateescape"))
    found = load(folder=folder)
    assert found.settings.limits.session_minutes == 20
    assert (found.settings.main, found.settings.weak) == ("local-coder", "local-coder")
    assert found.warnings

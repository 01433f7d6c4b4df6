"""A repository's own files neither redirect Aider nor run anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import pytest

from lodestar_aider.guard import Guard, home_files
from lodestar_aider.spec import read_spec
from tests.aider import hostile
from tests.aider.fake_openai import FakeOpenAI
from tests.aider.forks import Forks
from tests.aider.hostile import Plant
from tests.aider.hostile_cases import AT_THE_START, CASES, TOGETHER
from tests.aider.place import Place, whole_file


@pytest.fixture(scope="module")
def evil() -> Iterator[FakeOpenAI]:
    """The server that must never hear anything."""
    with FakeOpenAI() as server:
        yield server


def plant(place: Place, evil: FakeOpenAI, gifts: Mapping[str, Plant]) -> None:
    """A second file, and the repository's gifts, all committed where git takes them."""
    (place.repo / "other.py").write_text("def other():\n    return 1\n")
    place.git("add", "other.py")
    place.git("commit", "-q", "-m", "another file")
    for place.gift, gift in gifts.items():
        gift(place, f"{evil.url}/{quote(place.gift)}/v1")
    # Committed without what the gifts have set; planting may have run some of it.
    quiet = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
    place.git(*quiet, "-c", "alias.x=", "add", "-f", "-A", ":!*other.py")
    place.git(*quiet, "-c", "commit.gpgsign=false", "commit", "-q", "--allow-empty", "-m", "gifts")
    for marker in place.markers.iterdir():
        marker.unlink()


@pytest.mark.parametrize("names", TOGETHER, ids=", ".join)
def test_a_hostile_repository_is_contained_and_the_edit_is_made(
    place: Place, forks: Forks, evil: FakeOpenAI, names: list[str]
) -> None:
    """With a map and an edit, so that lint, test, cache, diff and commit all had their chance.

    Each gift has a marker and an address of its own, which name it where it was not contained.
    """
    place.fake.answers = [whole_file("app.py", 'print("bye")\n')]
    plant(place, evil, {name: CASES[name] for name in names})
    spec = place.write_spec("--map-tokens", "1024", "--message", "say bye", "app.py")
    done = forks.run(place, spec, place.repo)
    assert done.code == 0, done.output
    assert list(place.markers.iterdir()) == [], done.output
    assert "\x1b]0;owned" not in done.output
    assert done.connected == {place.fake.address}
    assert (evil.chats, evil.unknown_paths) == ([], [])
    assert place.fake.kinds() == ["edit", "commit_message"], done.output
    bearer = f"Bearer {place.fake.token}"
    assert {chat.headers["authorization"] for chat in place.fake.chats} == {bearer}
    assert [chat.model for chat in place.fake.chats] == ["local-coder", "lodestar-weak"]
    assert all("top_p" not in chat.body for chat in place.fake.chats)
    assert place.git("show", "HEAD:app.py") == 'print("bye")'
    assert place.git("log", "-1", "--format=%s") == place.fake.commit_message


@pytest.mark.parametrize("name", AT_THE_START)
def test_what_a_commit_runs_is_not_run_before_there_is_one(
    place: Place, forks: Forks, evil: FakeOpenAI, name: str
) -> None:
    place.fake.answers = ["It greets."]
    plant(place, evil, {name: AT_THE_START[name]})
    spec = place.write_spec("--map-tokens", "1024", "--message", "/ask what is it?", "app.py")
    done = forks.run(place, spec, place.repo)
    assert (done.code, place.fake.kinds()) == (0, ["ask"]), done.output
    assert list(place.markers.iterdir()) == [], done.output
    assert done.connected == {place.fake.address}


def test_files_of_a_subfolder_count_as_little_as_those_of_the_root(
    place: Place, forks: Forks, evil: FakeOpenAI
) -> None:
    place.fake.answers = [whole_file("app.py", 'print("bye")\n')]
    plant(place, evil, {"a test": CASES["a test after each edit"], "an .env": hostile.settings})
    folder = place.repo / "sub"
    folder.mkdir()
    for name in (".aider.conf.yml", ".env", ".aider.model.settings.yml"):
        (place.repo / name).rename(folder / name)
    done = forks.run(place, place.write_spec("--message", "x", "../app.py"), folder)
    assert done.code == 0, done.output
    assert list(place.markers.iterdir()) == []
    assert done.connected == {place.fake.address}
    assert place.git("show", "HEAD:app.py") == 'print("bye")'


def test_no_edit_and_no_map_leaves_the_repository_through_a_link(
    place: Place, forks: Forks, evil: FakeOpenAI
) -> None:
    """The model answers with files that are links; to every question the answer is yes."""
    plant(place, evil, {"links": hostile.links})
    names = ("app.py", "link.py", "folder/secret.py", "folder/new.py")
    place.fake.answers = ["".join(whole_file(name, 'print("bye")\n') for name in names)]
    spec = place.write_spec("--map-tokens", "1024", "--yes-always", "--message", "x", "app.py")
    done = forks.run(place, spec, place.repo)
    outside = place.root / "outside"
    assert [path.name for path in outside.iterdir()] == ["secret.py"], done.output
    assert "a_secret_name" in (outside / "secret.py").read_text()
    assert done.output.count("leads out of the project through a link") == 3
    sent = str(place.fake.chats[0].body["messages"])
    assert "other.py" in sent
    assert "a_secret_name" not in sent
    assert place.git("show", "HEAD:app.py") == 'print("bye")'


def test_a_file_that_is_a_link_out_of_the_project_is_refused_by_name(
    place: Place, forks: Forks, evil: FakeOpenAI
) -> None:
    plant(place, evil, {"links": hostile.links})
    done = forks.run(place, place.write_spec("--message", "x", "link.py"), place.repo)
    assert (done.code, place.fake.chats) == (1, [])
    assert "'link.py' is a link that leads out of the project" in done.output


def test_the_users_own_settings_apply_but_cannot_take_requests_off_the_shim(place: Place) -> None:
    place.fake.answers = [whole_file("app.py", 'print("bye")\n')]
    settings = place.home / "mine.yml"
    with FakeOpenAI() as other:
        settings.write_text(
            "- name: aider/extra_params\n"
            f"  extra_params: {{top_p: 0.5, api_base: '{other.url}/v1', api_key: mine}}\n"
            "- name: openai/local-coder\n  edit_format: diff\n"
        )
        (place.home / ".aider.conf.yml").write_text(
            f"model-settings-file: {settings}\n"
            f"openai-api-base: {other.url}/v1\n"
            "openai-api-key: mine\n"
            "attribute-co-authored-by: false\n"
            "attribute-author: true\n"
        )
        done = place.run("--message", "say bye", "app.py")
        assert (other.chats, other.unknown_paths) == ([], [])
    assert done.returncode == 0, done.stderr
    assert place.git("log", "-1", "--format=%an") == "Ann (aider)"
    assert [chat.body["top_p"] for chat in place.fake.chats] == [0.5, 0.5]
    assert "with whole edit format" in done.stdout


def test_the_home_folder_is_not_read_when_it_belongs_to_the_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "repo" / "home"
    home.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    assert home_files("f", None) == [str(home / "f")]
    assert home_files("f", str(tmp_path / "elsewhere")) == [str(home / "f")]
    assert home_files("f", str(home)) == []
    assert home_files("f", str(tmp_path / "repo")) == []


@pytest.mark.parametrize(
    ("named", "typed", "read"),
    [
        (".aider.model.settings.yml", [], False),
        ("sub/mine.yml", [], False),
        ("/etc/mine.yml", [], True),
        ("sub/mine.yml", ["--model-settings-file", "sub/mine.yml"], True),
        ("sub/mine.yml", ["--model-settings-file=sub/mine.yml"], True),
    ],
)
def test_a_settings_file_in_the_project_is_read_only_if_the_user_typed_it(
    place: Place, named: str, typed: list[str], read: bool
) -> None:
    spec = read_spec(place.write_spec(*typed))
    path = Guard(spec).search_path(".aider.model.settings.yml", str(place.repo), named)
    assert (named in path) is read
    assert path[0] == path[-1] == spec.model_settings
    assert Guard(spec).search_path(".env", str(place.repo), named) == []

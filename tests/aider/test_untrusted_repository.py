"""A repository's own files neither redirect Aider nor run anything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lodestar_aider.guard import Guard, home_files
from lodestar_aider.spec import read_spec
from tests.aider import hostile
from tests.aider.fake_openai import FakeOpenAI
from tests.aider.place import Place, whole_file


@pytest.mark.parametrize("plant", [hostile.files, hostile.configuration])
def test_files_of_a_hostile_repository_have_no_effect(
    place: Place, plant: Callable[[Path, Path, str], None]
) -> None:
    """An edit is made, so that lint, test, cache and commit all had their chance."""
    place.fake.answers = [whole_file("app.py", 'print("bye")\n')]
    (place.repo / "other.py").write_text("def other():\n    return 1\n")
    with FakeOpenAI() as evil:
        plant(place.repo, place.marker, evil.url + "/v1")
        place.git("add", "-f", "-A")
        place.git("commit", "-q", "-m", "gifts")
        done = place.run("--map-tokens", "1024", "--message", "say bye", "app.py")
        assert (evil.chats, evil.unknown_paths) == ([], [])
    assert not place.marker.exists()
    assert done.returncode == 0, done.stderr
    assert place.fake.kinds() == ["edit", "commit_message"]
    bearer = f"Bearer {place.fake.token}"
    assert {chat.headers["authorization"] for chat in place.fake.chats} == {bearer}
    assert all("top_p" not in chat.body for chat in place.fake.chats)
    assert place.fake.of_type("lint")[0]["errors"] is False


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

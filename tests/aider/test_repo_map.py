"""The repository map goes to the models that are set up for one."""

from __future__ import annotations

import pytest

from tests.aider.place import SETTINGS, Place, whole_file

WITHOUT = SETTINGS.replace("edit_format: whole\n", "edit_format: whole\n  use_repo_map: false\n", 1)


def sent(place: Place, *options: str) -> tuple[str, str]:
    """All that the model was sent, and what Aider printed."""
    (place.repo / "other.py").write_text("def helper():\n    return 1\n")
    place.git("add", "other.py")
    place.git("commit", "-q", "-m", "more")
    place.fake.answers = [whole_file("app.py", 'print("bye")\n')]
    done = place.run(*options, "--message", "say bye", "app.py")
    assert done.returncode == 0, done.stderr
    return str(place.fake.chats[0].body["messages"]), done.stdout


def test_a_model_set_up_without_a_map_gets_none_and_aider_says_so(place: Place) -> None:
    (place.state / "settings.yml").write_text(WITHOUT)
    prompt, printed = sent(place)
    assert "def helper" not in prompt
    assert "Repo-map: off for this model" in printed


@pytest.mark.parametrize(
    ("settings", "options"), [(SETTINGS, ()), (WITHOUT, ("--map-tokens", "1024"))]
)
def test_any_other_model_gets_one_and_the_users_own_option_counts(
    place: Place, settings: str, options: tuple[str, ...]
) -> None:
    (place.state / "settings.yml").write_text(settings)
    prompt, _ = sent(place, *options)
    assert "def helper" in prompt

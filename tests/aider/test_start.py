"""What the launcher checks before Aider runs, and starts that need no answer."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.aider.place import LAUNCHER, Place

FAKE_MAIN = "def main(argv=None):\n    open('ran', 'w')\n"
RUN_WITH_OTHER_AIDER = (
    "import runpy, sys; folder, launcher, spec = sys.argv[1:];"
    "sys.path.insert(0, folder); sys.argv = [launcher, spec];"
    "runpy.run_path(launcher, run_name='__main__')"
)


@pytest.mark.parametrize(
    ("version", "why"),
    [("0.86.9", "aider.main.load_dotenv_files is missing (and "), ("0.99.0", "0.86.x")],
)
def test_an_unknown_aider_is_refused_before_it_runs(place: Place, version: str, why: str) -> None:
    package = place.root / "site" / "aider"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(f"__version__ = {version!r}\n")
    (package / "main.py").write_text(FAKE_MAIN)
    done = subprocess.run(
        [
            *(sys.executable, "-I", "-c", RUN_WITH_OTHER_AIDER),
            *(str(package.parent), str(LAUNCHER), str(place.write_spec())),
        ],
        cwd=place.repo,
        env=place.env(),
        text=True,
        capture_output=True,
        check=False,
    )
    lines = done.stderr.splitlines()
    assert (done.returncode, done.stdout, len(lines)) == (1, "", 3)
    assert [line.split(":")[0].strip() for line in lines] == ["error", "why", "do"]
    assert why in lines[1]
    assert not (place.repo / "ran").exists()
    assert place.fake.chats == []


def test_an_unknown_field_in_the_model_settings_is_named(place: Place) -> None:
    (place.state / "settings.yml").write_text("- name: openai/local-coder\n  edit_fromat: diff\n")
    done = place.run("--message", "hello")
    assert done.returncode == 1
    assert "openai/local-coder: this Aider knows no field 'edit_fromat'" in done.stderr
    assert place.fake.event_types() == ["hooks", "error", "exit"]
    assert place.fake.chats == []


def test_a_broken_specification_is_explained(tmp_path: Path) -> None:
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps({"token": "secret-token"}))
    command = [sys.executable, "-I", str(LAUNCHER), str(spec)]
    done = subprocess.run(command, text=True, capture_output=True, check=False)
    assert done.returncode == 1
    assert "shim_url" in done.stderr
    assert "secret-token" not in done.stderr


def test_aiders_own_exit_code_is_the_launchers(place: Place) -> None:
    assert place.run("--no-such-option").returncode == 2
    assert place.fake.of_type("exit")[0]["code"] == 2


def test_the_end_closes_a_plain_prompt_and_notices_wait_for_the_next_one(place: Place) -> None:
    place.fake.notices = [{"id": 1, "level": "info", "text": "the free model answers today"}]
    with place.spawn("--no-fancy-input", "--no-pretty", "--model", "local-coder") as terminal:
        terminal.wait("[lodestar] the free model answers today")
        terminal.wait("> ")
        assert "Main model: openai/local-coder with whole edit format" in terminal.text
        place.fake.change(end={"reason": "the session's time is over"})
        terminal.wait("[lodestar] the session's time is over")
        assert terminal.exit_code() == 0
    assert terminal.text.count("the free model answers today") == 1

"""An Aider whose insides have changed is refused, or runs without extras if the user says so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.aider.forks import Forks
from tests.aider.place import LAUNCHER, Place, whole_file

RENAMED = "import aider.{0} as m; m.{1}.new_name = m.{1}.{2}; del m.{1}.{2}"
UNDO = RENAMED.format("commands", "Commands", "cmd_undo")
GUARDS = {
    "aider.linter.Linter.flake8_lint": RENAMED.format("linter", "Linter", "flake8_lint"),
    "aider.main.load_dotenv_files": "import aider.main as m; del m.load_dotenv_files",
    "aider.main.get_parser": "import aider.main as m; del m.get_parser",
    "git.cmd.Git.execute": "import git.cmd as m; del m.Git.execute",
    "aider.repo.GitRepo.get_tracked_files": RENAMED.format("repo", "GitRepo", "get_tracked_files"),
}
HEAD_START = """
import os, runpy, sys
launcher, folder, descriptor = sys.argv[1:]
def note(event, details):
    if event in ("open", "os.listdir", "os.scandir") and isinstance(details[0], (str, bytes)):
        path = os.path.abspath(os.fsdecode(details[0]))
        if path.startswith(folder):
            os.write(1, f"opened {path}\\n".encode())
    if event in ("subprocess.Popen", "os.posix_spawn", "os.system"):
        os.write(1, f"ran {details[1]}\\n".encode())
    if event == "socket.connect":
        os.write(1, f"connected {details[1]}\\n".encode())
sys.addaudithook(note)
sys.argv = [launcher, "--fd", descriptor]
runpy.run_path(launcher, run_name="__main__")
"""


def test_a_renamed_extra_is_refused_with_three_lines_that_name_the_way_on(
    place: Place, forks: Forks
) -> None:
    done = forks.run(place, place.write_spec("--message", "x", "app.py"), place.repo, UNDO)
    lines = done.output.splitlines()
    assert (done.code, len(lines), place.fake.chats) == (1, 3, [])
    assert [line.split(":")[0].strip() for line in lines] == ["error", "why", "do"]
    assert "aider.commands.Commands.cmd_undo is missing" in lines[1]
    assert "lodestar code --plain" in lines[2]
    assert place.git("log", "--format=%s") == "start"


def test_plain_goes_on_with_the_guards_and_without_the_extras(place: Place, forks: Forks) -> None:
    place.fake.answers = [whole_file("app.py", 'print("bye")\n')]
    test = f"touch {place.marker}"
    (place.repo / ".aider.conf.yml").write_text(f"auto-test: true\ntest-cmd: {test}\n")
    spec = place.write_spec("--message", "x", "app.py", plain=True)
    done = forks.run(place, spec, place.repo, UNDO)
    assert done.code == 0, done.output
    assert place.git("show", "HEAD:app.py") == 'print("bye")'
    assert done.connected == {place.fake.address}
    assert not place.marker.exists()
    assert (place.fake.events, place.fake.polls, len(place.fake.chats)) == ([], 0, 2)


@pytest.mark.parametrize("what", GUARDS)
def test_a_guard_without_what_it_needs_refuses_also_when_plain(
    place: Place, forks: Forks, what: str
) -> None:
    spec = place.write_spec("--message", "x", "app.py", plain=True)
    done = forks.run(place, spec, place.repo, GUARDS[what])
    assert (done.code, place.fake.chats, len(done.output.splitlines())) == (1, [], 3), done.output
    assert what in done.output
    assert "--plain" not in done.output


def test_the_head_start_reads_nothing_of_the_repository_and_runs_nothing_of_it(
    place: Place, tmp_path: Path
) -> None:
    """Aider's interpreter may be started before the user's configuration is read."""
    for name in (".env", ".aider.conf.yml", ".lodestar.yaml", "litellm.py", "sitecustomize.py"):
        (place.repo / name).write_text("raise SystemExit(9)\n")
    reading, writing = os.pipe()
    arguments = [str(LAUNCHER), str(place.repo), str(reading)]
    process = subprocess.Popen(
        [sys.executable, "-I", "-c", HEAD_START, *arguments],
        cwd=place.repo,
        env=place.env(),
        pass_fds=[reading],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(reading)
    os.write(writing, f"{tmp_path / 'no-such-spec'}\n".encode())
    output, error = process.communicate(timeout=120)
    os.close(writing)
    assert "no-such-spec" in error
    assert set(output.splitlines()) <= {"ran ['git', 'version']"}

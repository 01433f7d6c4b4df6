"""What others wrote, a model, a file, a folder's name, cannot steer the user's terminal."""

from __future__ import annotations

import json
import os
import re
import sys
import unicodedata
from pathlib import Path

import pexpect
import pytest

from lodestar.errors import LodestarError
from lodestar.paths import Home
from lodestar.store.feedback import add_rating
from lodestar.store.store import Store
from lodestar.terminal import one_line, printable
from tests.cli.conftest import Cli
from tests.cli.gguf_file import write_gguf
from tests.cli.worklog import Worklog

# Title, clear, conceal, paste, C1, DCS, backspaces, a line written over, text turned round.
HOSTILE = (
    "begin\x1b]0;owned\x07\x1b[2J\x1b[8m\x1b]52;c;cGF5\x1b\\\x9b2J\x9d0;x\x9c\x1bPq\x1b\\"
    "\x08\x08\x7f\rover\x0b\x0c\u202e\u2066\u200f\U000e0041end"
)
# In a file's name there can be no slash; the rest can be.
NAME = HOSTILE.replace("/", "")
COLOUR = re.compile(r"\x1b\[(?:0|1|[39]\d)?m")


def shown(folder: Path | str, *arguments: str | bytes) -> str:
    """What a command writes to a real terminal, our own colours left out."""
    child = pexpect.spawn(
        sys.executable,
        ["-m", "lodestar", *map(os.fsdecode, arguments)],
        cwd=folder,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "200"},
        dimensions=(50, 200),
        timeout=60,
    )
    try:
        child.expect(pexpect.EOF)
    finally:
        child.close(force=True)
    text = COLOUR.sub("", child.before.decode("utf-8"))
    assert "Traceback" not in text
    return text.replace("\r\n", "\n")


def steering(text: str) -> set[str]:
    """The characters in a text that a terminal obeys or that hide or turn text round."""
    return {mark for mark in text if unicodedata.category(mark) in ("Cc", "Cf", "Cs")} - {
        "\n",
        "\t",
    }


@pytest.fixture
def worklog(store: Store, home: Home, tmp_path: Path) -> Worklog:
    return Worklog(store, home, tmp_path / NAME).start()


def test_the_log_of_a_hostile_answer_is_inert(
    worklog: Worklog, store: Store, tmp_path: Path
) -> None:
    exchange = worklog.exchange(f"prompt {HOSTILE}", f"answer {HOSTILE}\nsecond line")
    worklog.signal("commit", exchange, hash="abc1234", message=HOSTILE)
    add_rating(store, worklog.session, exchange, "bad", "command", "wrong", f"comment {HOSTILE}")
    for command in (("log", "show", "last"), ("log",), ("log", "search", "begin"), ("rate",)):
        text = shown(tmp_path, *command)
        assert not steering(text), command
    text = shown(tmp_path, "log", "show", "last")
    for word in ("prompt begin", "answer begin", "comment begin", "end\nsecond line"):
        assert word in text
    assert not steering(shown(tmp_path, "log", "show", "last", "--json"))


def test_a_pipe_gets_the_same_and_json_has_every_character(cli: Cli, worklog: Worklog) -> None:
    worklog.exchange(answer=HOSTILE)
    assert not steering(cli("log", "show", "last").out)
    data = json.loads(cli("log", "show", "last", "--json").out)["data"]
    assert data["answer"][0]["text"] == HOSTILE


def test_a_model_file_with_a_hostile_header_is_imported_inertly(home: Home, tmp_path: Path) -> None:
    file = write_gguf(tmp_path / "odd.gguf", architecture=HOSTILE, name=f"{HOSTILE}\nerror: x")
    text = shown(tmp_path, "models", "import", str(file))
    assert "odd: begin" in text
    assert not steering(text)
    listed = shown(tmp_path, "models")
    assert "end error: x" in listed or "end..." in listed
    assert not steering(listed)
    config = home.config_file.read_text("utf-8")
    assert not steering(config)
    assert "\\e" not in config


def test_the_names_of_files_and_folders_are_inert(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / NAME
    folder.mkdir()
    (folder / "x.gguf").write_bytes(b"junk")
    text = shown(tmp_path, "models", "import", str(folder / "x.gguf"))
    assert "is not a usable GGUF file" in text
    assert not steering(text)
    assert not steering(shown(folder))
    assert not steering(shown(folder, "config", "show", "--origin"))


def test_a_folder_whose_name_is_no_text_can_be_worked_in(tmp_path: Path) -> None:
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe-name")
    os.mkdir(folder)
    text = shown(folder)
    assert "??-name" in text
    assert "internal error" not in text


def test_a_name_with_line_breaks_cannot_look_like_our_own_lines() -> None:
    error = LodestarError("no `a\ndo: rm -rf ~\n`", "why\nerror: x", "do\r\nthat")
    assert [line[:6] for line in str(error).splitlines()] == ["error:", "why:  ", "do:   "]
    assert one_line("a\nb\x1b[2Jc\u2028d") == "a bcd"


def test_ordinary_text_is_printed_as_it_is() -> None:
    text = "def größe():\n\treturn '\U0001f389 עברית 中文 e\u0301'\n"
    assert printable(text) == text

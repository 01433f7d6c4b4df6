"""Each picture of the documents is there, small, and of a screen that can still be taken."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from tests.pictures.__main__ import FOLDER, ROOT, main
from tests.pictures.commands import COMMANDS, commands
from tests.pictures.drawing import CELL, Shot, drawn
from tests.pictures.masks import SHOWN_HOME, masked
from tests.pictures.scenes import narrow as narrow_scene
from tests.pictures.stage import Stage, stage

NAMED = re.compile(r"pictures/([\w-]+)\.svg")
PICTURES = sorted(FOLDER.glob("*.svg"))
MOST = 60 << 10
SVG = "{http://www.w3.org/2000/svg}"


def test_the_documents_name_each_picture_that_is_there_and_no_other() -> None:
    pages = [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]
    named = {name for page in pages for name in NAMED.findall(page.read_text("utf-8"))}
    assert named == {path.stem for path in PICTURES}


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.stem)
def test_a_picture_is_small_and_needs_nothing_from_elsewhere(path: Path) -> None:
    text = path.read_text("utf-8")
    assert len(text.encode()) < MOST
    assert ElementTree.fromstring(text).tag.endswith("svg")
    assert set(re.findall(r"https?://[^\"<]*", text)) <= {"http://www.w3.org/2000/svg"}
    assert "/tmp/" not in text
    assert str(ROOT) not in text


def test_a_session_and_a_command_are_pictured_as_they_are_seen() -> None:
    with stage() as ann:
        home = str(ann.home)
        (narrow,) = narrow_scene(ann)
        assert "FREE local-coder" in narrow.text.splitlines()[-1]
        assert all(len(line) <= 46 for line in narrow.text.splitlines())
        shots = {shot.name: shot for shot in _some(ann)}
        assert set(shots) == {"status"}
        for shot in (narrow, *shots.values()):
            seen = [masked(line, home) for line in shot.text.splitlines()]
            assert _lines(drawn(shot, lambda line: masked(line, home))) == seen


def _some(ann: Stage) -> list[Shot]:
    return list(commands(ann, {"status": COMMANDS["status"]}))


def _lines(picture: str) -> list[str]:
    """The lines of a picture, each letter in the column where it is drawn."""
    lines: dict[int, str] = {}
    for text in ElementTree.fromstring(picture).iter(f"{SVG}text"):
        if text.get("textLength"):
            row = int(text.get("clip-path", "").rstrip(")").rpartition("-")[2])
            column = round(float(text.get("x", 0)) / CELL)
            lines[row] = lines.get(row, "").ljust(column) + (text.text or "")
    shown = {row: line.replace("\N{NO-BREAK SPACE}", " ") for row, line in lines.items()}
    return [shown.get(row, "") for row in range(max(shown) + 1)]


@pytest.mark.slow
def test_all_pictures_can_be_taken(tmp_path: Path) -> None:
    assert main(["--into", str(tmp_path)]) == 0
    assert {path.stem for path in tmp_path.glob("*.svg")} >= {path.stem for path in PICTURES}


@pytest.mark.parametrize(
    "line",
    [
        "the edit by claude-sonnet at 09:12 (3kq8m2pz)",
        "3kq8m2pz  2026-11-24 20:15  shop",
        "shim  127.0.0.1:54321, pid 4242",
        "/tmp/ab12/.lodestar/usage.db on 24 Nov 2026",
    ],
)
def test_what_differs_each_time_is_hidden_and_a_line_keeps_its_length(line: str) -> None:
    hidden = masked(line, "/tmp/ab12")
    assert len(hidden) == len(line)
    assert not re.search(r"3kq8m2pz|20:15|09:12|11-24|54321|4242|/tmp|Nov", hidden)
    assert masked("resets at 00:00", "/tmp/ab12") == "resets at 00:00"
    assert SHOWN_HOME in masked("/tmp/ab12", "/tmp/ab12")

"""Take the pictures: `python -m tests.pictures [--into FOLDER] [NAME ...]`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from tests.pictures.commands import commands, dashboard
from tests.pictures.drawing import Shot, drawn
from tests.pictures.masks import masked
from tests.pictures.scenes import scenes
from tests.pictures.stage import stage

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "pictures"


def pictures() -> Iterator[tuple[Shot, str]]:
    """Each shot and its picture."""
    with stage() as ann:
        home = str(ann.home)
        for shot in chain(scenes(ann), commands(ann), dashboard(ann)):
            yield shot, drawn(shot, lambda line: masked(line, home))


def main(arguments: list[str]) -> int:
    """Write those that are named, or all."""
    into = FOLDER
    if arguments[:1] == ["--into"]:
        into, arguments = Path(arguments[1]), arguments[2:]
    into.mkdir(parents=True, exist_ok=True)
    for shot, picture in pictures():
        if str(ROOT) in shot.text:
            sys.stdout.write(f"{shot.name}: left out, it names a folder of this machine\n")
        elif not arguments or shot.name in arguments:
            (into / f"{shot.name}.svg").write_text(picture, "utf-8")
            sys.stdout.write(f"{shot.name}.svg: {len(picture) >> 10} KiB\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Fetching a file from the hub: room on the disk, the download that resumes, the checksum."""

from __future__ import annotations

import logging
import shutil
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from lodestar.engine_models import Progress, default_name, file_sha256
from lodestar.errors import LodestarError
from lodestar.hub.ask import Found, Hub
from lodestar.hub.problems import told
from lodestar.paths import Home

SPARE = 10
"""One part in so many of a file's size must stay free."""


def part_folder(home: Home, found: Found) -> Path:
    """Where a file waits until it is whole; on the disk of the models, so that moving is free."""
    name = f"{default_name(Path(found.wanted.file))}-{found.sha256[:12]}"
    return home.folder("models") / ".pull" / name


def check_space(folder: Path, found: Found) -> None:
    """Raises LodestarError where the rest of the file and a tenth of it do not fit."""
    place = next(path for path in (folder, *folder.parents) if path.is_dir())
    free = shutil.disk_usage(place).free
    needed = found.size + found.size // SPARE - _present(folder, found)
    if free < needed:
        raise LodestarError(
            f"{found.wanted.file} does not fit on the disk",
            f"it needs {needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free at {place}",
            "make room, or set LODESTAR_HOME to a folder on a larger disk",
        )


def fetch(hub: Hub, found: Found, folder: Path, progress: Progress) -> Path:
    """Download the file, or the rest of it."""
    from huggingface_hub import constants, hf_hub_download
    from huggingface_hub.utils.logging import set_verbosity

    set_verbosity(logging.ERROR)
    # Xet starts a broken download anew and keeps a cache of its own; plain HTTP goes on.
    constants.HF_HUB_DISABLE_XET = True
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    wanted = found.wanted
    with told(wanted, hub.host, bool(hub.token), fetching=True), warnings.catch_warnings():
        # The library warns of a full disk without counting the part that is there.
        warnings.simplefilter("ignore", UserWarning)
        path = hf_hub_download(
            wanted.repo,
            wanted.file,
            revision=found.commit,
            local_dir=folder,
            token=hub.token,
            endpoint=hub.endpoint,
            tqdm_class=cast("Any", _bar(progress)),
        )
    return Path(path)


def check(found: Found, path: Path, folder: Path, progress: Progress) -> None:
    """Raises LodestarError, and removes the file, where its checksum is not the right one."""
    with told(found.wanted, "", False, fetching=True):
        digest = file_sha256(path, progress)
    if digest != found.sha256:
        discard(folder)
        raise LodestarError(
            f"{found.wanted.file} is not what it should be",
            f"its sha256 is {digest}, not {found.sha256}",
            "the file was removed; try again, and if it happens again, do not trust the source",
        )


def discard(folder: Path) -> None:
    """Remove a file's folder with the download's notes, and the one above when it is empty."""
    shutil.rmtree(folder)
    with suppress(OSError):
        folder.parent.rmdir()


def _present(folder: Path, found: Found) -> int:
    """Bytes of the file that are on the disk already."""
    parts = [*folder.rglob(f"*.{found.sha256}.incomplete"), folder / found.wanted.file]
    return sum(path.stat().st_size for path in parts if path.is_file())


def _bar(progress: Progress) -> type:
    """A progress bar as the hub's library wants one. A retry makes a new one at its place."""
    reported = 0

    class Bar:
        def __init__(self, *_: object, initial: int = 0, **__: object) -> None:
            self._at = 0
            self.update(initial)

        def update(self, count: int) -> None:
            nonlocal reported
            self._at += count
            progress(self._at - reported)
            reported = self._at

        def __enter__(self) -> Bar:
            return self

        def __exit__(self, *_: object) -> None:
            """Whoever shows the progress ends it."""

    return Bar

"""Whether a database may be trusted with money: where it lies, and whether it is whole."""

from __future__ import annotations

import os
import re
import sqlite3
import stat
from pathlib import Path

from lodestar.errors import LedgerError

MOUNTS = Path("/proc/self/mountinfo")
NETWORK = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "ceph", "9p", "v9fs", "davfs"),
        *("vboxsf", "prl_fs", "fuse.sshfs", "fuse.rclone", "fuse.s3fs", "fuse.glusterfs"),
        *("fuse.davfs2", "fuse.ceph", "fuse.curlftpfs", "fuse.vmhgfs-fuse", "lustre", "gfs2"),
    }
)
"""Where locks or the shared memory of write-ahead logging do not hold between machines."""
QUICK_CHECK_BYTES = 128 << 20
"""A whole look at so much takes a fraction of a second."""
SMALLEST = 512
MOVE = "set LODESTAR_HOME to a folder of your own on a local disk"
_OCTAL = re.compile(r"\\([0-7]{3})")

Identity = tuple[tuple[int, int], ...]


def misplaced(database: Path, mounts: Path = MOUNTS) -> LedgerError | None:
    """A place where the database is not safe: a network drive, somebody else's, a link."""
    folder = database.parent
    kind = file_system(folder, mounts)
    if kind in NETWORK:
        why = f"{folder} is on a network drive ({kind}), where SQLite's locks do not hold"
        return _unsafe(database, why, MOVE)
    if database.is_symlink():
        why = f"it is a link to {os.path.realpath(database)}"
        return _unsafe(
            database, why, "put the file itself there, or set LODESTAR_HOME to its folder"
        )
    return _strange(database, folder) or _strange(database, folder.resolve())


def file_system(path: Path, mounts: Path = MOUNTS) -> str | None:
    """The kind of file system that a path lies on, None where the system does not say."""
    real, best, kind = os.path.realpath(path), "", None
    try:
        lines = mounts.read_text("utf-8", "replace").splitlines()
    except OSError:
        return None
    for line in lines:
        before, _, after = line.partition(" - ")
        fields = before.split()
        if len(fields) < 5 or not after:
            continue
        point = _OCTAL.sub(lambda found: chr(int(found[1], 8)), fields[4])
        # A later mount on the same point hides the one before.
        if len(point) >= len(best) and _is_below(real, point):
            best, kind = point, after.split()[0]
    return kind


def statuses(database: Path) -> list[os.stat_result] | None:
    """Of the files of an open database, its own first; None where one is gone or emptied.

    They are never opened: closing one would drop this process's locks on it.
    """
    try:
        found = [os.stat(f"{database}{suffix}") for suffix in ("", "-wal", "-shm")]
    except OSError:
        return None
    return None if found[0].st_size < SMALLEST else found


def identity(found: list[os.stat_result] | None) -> Identity | None:
    """Device and inode of each."""
    return tuple((one.st_dev, one.st_ino) for one in found) if found else None


def replaced(database: Path) -> LedgerError:
    """What is wrong with a database whose files are others than those that were opened."""
    return LedgerError(
        f"the database {database} was moved, emptied or exchanged while it was in use",
        "what is spent now would not be counted there",
        "end this session; lodestar data status says how it stands",
    )


def damaged(connection: sqlite3.Connection, database: Path, whole: bool) -> LedgerError | None:
    """A file that was cut short, and, where the `whole` is looked at and small, any damage."""
    pages, size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in _SIZES)
    there = os.stat(database).st_size + _size(f"{database}-wal")
    said = "ok"
    if pages * size > there:
        said = f"it should have {pages * size} bytes, and has {there}"
    elif whole and there <= QUICK_CHECK_BYTES:
        said = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    if said == "ok":
        return None
    return LedgerError(
        f"the database {database} is damaged",
        " ".join(said.split()),
        "lodestar data restore; the damaged file is kept",
    )


_SIZES = ("page_count", "page_size")


def _strange(database: Path, folder: Path) -> LedgerError | None:
    """A folder or a file in it that others own, or a folder that anybody may change."""
    me = os.geteuid()
    for path in (folder, database):
        try:
            status = path.lstat()
        except FileNotFoundError:
            continue
        if me not in (0, status.st_uid):
            do = f"make it yours: sudo chown -R $(id -un) {folder}"
            return _unsafe(database, f"{path} belongs to another user", do)
        if stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_IWOTH:
            return _unsafe(database, f"anybody may change {path}", f"chmod o-w {path}")
    return None


def _unsafe(database: Path, why: str, do: str) -> LedgerError:
    return LedgerError(f"the database {database} is not in a safe place", why, do)


def _is_below(path: str, point: str) -> bool:
    return path == point or path.startswith(point.rstrip("/") + "/")


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0

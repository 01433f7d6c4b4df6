"""Where Lodestar keeps things: one root, private to the user."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lodestar.errors import LodestarError

# sun_path holds 108 bytes on Linux and 104 on macOS, the closing NUL included.
SOCKET_PATH_LIMIT = 103
KEY_FILE = "keys.yaml"


@dataclass(frozen=True)
class Home:
    """The folder that holds all state of one user; every folder 0700."""

    root: Path

    @property
    def config_file(self) -> Path:
        return self.root / "config.yaml"

    @property
    def database(self) -> Path:
        return self.root / "usage.db"

    @property
    def machine_file(self) -> Path:
        return self.root / "machine_id"

    def histories(self, root: Path) -> Path:
        """Aider's histories of a project: out of the repository, for they hold whole answers."""
        digest = hashlib.sha256(os.fsencode(str(root))).hexdigest()[:8]
        return self.root / "aider" / f"{root.name or 'root'}-{digest}"

    def folder(self, name: str) -> Path:
        """A folder below the root, made on demand: profiles, models, run, logs, ..."""
        path = self.root / name
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path


def home_root(environ: Mapping[str, str] = os.environ) -> Home:
    """The same as `lodestar_home`, whether it exists or not."""
    found = Path(environ.get("LODESTAR_HOME") or Path.home() / ".lodestar")
    return Home(found.expanduser().absolute())


def lodestar_home(environ: Mapping[str, str] = os.environ) -> Home:
    """The user's home for Lodestar: `LODESTAR_HOME`, else `~/.lodestar`, made 0700.

    Raises LodestarError where it cannot be made or belongs to somebody else.
    """
    root = home_root(environ).root
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = root.stat()
        if stat.S_IMODE(status.st_mode) & 0o077:
            root.chmod(0o700)
    except OSError as error:
        raise LodestarError(
            f"cannot use {root} as Lodestar's home",
            str(error.strerror or error),
            "make the folder writable, or set LODESTAR_HOME to one that is",
        ) from error
    return Home(root)


def make_private(root: Path) -> list[LodestarError]:
    """Take the rights of group and others from all that is below `root`.

    Links are left alone, and so are files with another name elsewhere and Python environments,
    and the file of keys: made private in silence, nobody would hear that its keys may be known.
    Returns what could not be changed, and why.
    """
    problems = _open_keys(root / KEY_FILE)
    for path in own_files(root):
        if path == root / KEY_FILE:
            continue
        try:
            tighten(path)
        except LodestarError as error:
            problems.append(error)
    return problems


def _open_keys(path: Path) -> list[LodestarError]:
    try:
        status = path.lstat()
    except OSError:
        return []
    if not stat.S_ISREG(status.st_mode) or not status.st_mode & 0o077:
        return []
    why = "others have rights on it, and may have copied the keys in it"
    do = f"change those keys at their providers, then: chmod 600 {path}"
    return [LodestarError(f"{path} is not used", why, do)]


def own_files(root: Path) -> Iterator[Path]:
    """All files and folders below `root`, except what is in a Python environment."""
    for name, folders, files in os.walk(root):
        if "pyvenv.cfg" in files:
            folders.clear()
            continue
        yield from (Path(name, part) for part in (*folders, *files))


def is_shared(status: os.stat_result) -> bool:
    """Whether a file has another name, perhaps elsewhere, whose rights are the same ones."""
    return stat.S_ISREG(status.st_mode) and status.st_nlink > 1


def tighten(path: Path) -> None:
    """The same for one file or folder; nothing where it is gone. Raises LodestarError."""
    with suppress(FileNotFoundError):
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode) or is_shared(status) or not status.st_mode & 0o077:
            return
        try:
            path.chmod(stat.S_IMODE(status.st_mode) & ~0o077)
        except FileNotFoundError:
            raise
        except OSError as error:
            why, do = f"it cannot be made private: {error.strerror}", f"chmod go-rwx {path}"
            if isinstance(error, PermissionError):
                why = "it belongs to somebody else, so that it cannot be made private"
                do = f"make it yours: sudo chown $(id -un) {path}"
            raise LodestarError(f"others may read {path}", why, do) from error


def engine_socket(home: Path) -> Path:
    """The engine's unix socket for a home; a short folder of our own where that is too long."""
    return _socket(home, "engine.sock")


def translator_socket(home: Path, shim: int) -> Path:
    """The unix socket of a shim's translator, by the shim's process id."""
    return _socket(home, f"translator-{shim}.sock")


def _socket(home: Path, name: str) -> Path:
    path = home / "run" / name
    if len(os.fsencode(path)) <= SOCKET_PATH_LIMIT:
        return path
    base = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    folder = base / f"lodestar-{os.getuid()}-{digest}"
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise LodestarError(
            f"{folder} is not private to you",
            "Lodestar's sockets would be open to others",
            "remove that folder, or set LODESTAR_HOME to a shorter path",
        )
    return folder / name


def builtin_profiles() -> Path:
    """The folder of the built-in profiles and the model catalogue."""
    packaged = Path(__file__).parent / "_profiles"
    return packaged if packaged.is_dir() else Path(__file__).parent.parent / "profiles"


def write_private(path: Path, text: str) -> None:
    """Replace a file's text in one step, readable by its owner only."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise

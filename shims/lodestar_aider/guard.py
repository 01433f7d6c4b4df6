"""Keeps a repository's files from configuring, redirecting or running anything in Aider."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lodestar_aider.compat import Need
from lodestar_aider.patch import wrap
from lodestar_aider.spec import Spec

NEEDS = (
    Need("aider.main", "main", ("argv",)),
    Need("aider.main", "load_dotenv_files", ("git_root", "dotenv_fname")),
    Need(
        "aider.main",
        "generate_search_path_list",
        ("default_file", "git_root", "command_line_file"),
    ),
    Need("aider.main", "get_parser", ("default_config_files", "git_root")),
    Need("aider.main", "register_models", ("git_root", "model_settings_fname")),
    Need("aider.main", "register_litellm_models", ("git_root", "model_metadata_fname")),
    Need("aider.repomap", "RepoMap.TAGS_CACHE_DIR"),
    Need("aider.linter", "Linter.flake8_lint", ("self", "rel_fname")),
    Need("aider.linter", "subprocess.run"),
)
CONFIG = ".aider.conf.yml"


class Guard:
    """Replaces the functions by which Aider finds its settings."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._own = {
            ".aider.model.settings.yml": spec.model_settings,
            ".aider.model.metadata.json": spec.model_metadata,
        }

    def install(self) -> None:
        """Must be done before `aider.main.main` runs."""
        main: Any = importlib.import_module("aider.main")
        main.load_dotenv_files = lambda *args, **kwargs: []
        main.generate_search_path_list = self.search_path
        wrap(main, "get_parser", self._home_config_only)
        self._move_tags_cache()
        self._isolate_linter()

    def search_path(
        self, default_file: str, git_root: str | None, command_line_file: str | None
    ) -> list[str]:
        """The settings files of one kind that Aider may read, the strongest last.

        Ours is there twice: Aider stops at the first broken file, and a user's broken one
        must not take our aliases away.
        """
        own = self._own.get(default_file)
        if own is None:
            return []
        users = home_files(default_file, git_root)
        if command_line_file and self._is_users(command_line_file):
            users.append(command_line_file)
        return [own, *users, own]

    def _is_users(self, path: str) -> bool:
        """A relative path is the user's only when typed: Aider's default lies in the project."""
        typed = any(arg == path or arg.endswith("=" + path) for arg in self._spec.user_args)
        return typed or Path(path).is_absolute()

    @staticmethod
    def _home_config_only(get_parser: Any) -> Any:
        def parser(default_config_files: Sequence[str], git_root: str | None) -> Any:
            return get_parser(home_files(CONFIG, git_root), git_root)

        return parser

    def _move_tags_cache(self) -> None:
        # Aider unpickles this cache: one that comes with a repository would run its code.
        repo_map = importlib.import_module("aider.repomap").RepoMap
        folder = Path(self._spec.chat_history).resolve().parent
        repo_map.TAGS_CACHE_DIR = str(folder / Path(repo_map.TAGS_CACHE_DIR).name)

    @staticmethod
    def _isolate_linter() -> None:
        linter: Any = importlib.import_module("aider.linter")
        linter.subprocess = IsolatedPython(linter.subprocess)


class IsolatedPython:
    """Stands for `subprocess` in Aider's linter, which runs `python -m flake8` in the project.

    Python would take a `flake8.py` lying there for the linter, and run it.
    """

    def __init__(self, real: Any) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def run(self, command: Any, **options: Any) -> subprocess.CompletedProcess[Any]:
        """`subprocess.run`, with the working folder kept off Python's module path."""
        if isinstance(command, list) and command[:2] == [sys.executable, "-m"]:
            # -P keeps the user's own site-packages, where flake8 may be; 3.10 has only -I.
            safe = "-P" if sys.version_info >= (3, 11) else "-I"
            command = [command[0], safe, *command[1:]]
        done: subprocess.CompletedProcess[Any] = self._real.run(command, **options)
        return done


def home_files(name: str, git_root: str | None) -> list[str]:
    """The user's own file of that name; none where the home folder belongs to the repository."""
    home = Path.home().resolve()
    if git_root:
        root = Path(git_root).resolve()
        if root == home or root in home.parents:
            return []
    return [str(home / name)]

"""Whether Aider can read a repository's `.aiderignore` without failing or taking for ever."""

from __future__ import annotations

import re

from lodestar.trust.files import RepositoryFile

MOST_STARS = 3
"""In one part of a path: the time to match grows with the length of a name to this power."""
MOST_FOLDERS = 3
_CLASS = re.compile(r"\[!?(?:[A-Za-z0-9_.](?!-)|a-z|A-Z|0-9)+\]")


def is_harmless(file: RepositoryFile) -> bool:
    """Whether it is plain text with patterns that always compile and match quickly."""
    if file.refused or b"\0" in file.data:
        return False
    try:
        lines = file.data.decode("utf-8").splitlines()
    except UnicodeDecodeError:
        return False
    return all(_simple(line.strip()) for line in lines)


def _simple(pattern: str) -> bool:
    if pattern.startswith("#"):
        return True
    bare = _CLASS.sub("", pattern)
    if pattern == "!" or pattern.endswith("\\") or "[" in bare:
        return False
    parts = pattern.split("/")
    folders = sum(part == "**" for part in parts)
    return folders <= MOST_FOLDERS and all(
        part == "**" or part.count("*") <= MOST_STARS for part in parts
    )

"""What became of an answer's edits, file by file."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from lodestar_aider.patch import Function

_FAILED = (
    re.compile(r"^## SearchReplaceNoExactMatch: .{0,80}? match lines in (.+)$", re.MULTILINE),
    re.compile(r"^UnifiedDiffNoMatch: .*\n\n(.+) does not contain lines that match", re.MULTILINE),
    re.compile(r"^UnifiedDiffNotUnique: .*\n\n(.+) contains multiple sets", re.MULTILINE),
)


class Applied:
    """The blocks of one answer. Filled while Aider applies them."""

    def __init__(self) -> None:
        self._blocks: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()

    def watch(self, original: Function) -> Function:
        """Stands for the coder's `apply_edits`."""

        def apply_edits(edits: Any, *args: Any, **kwargs: Any) -> Any:
            if kwargs.get("dry_run"):
                return original(edits, *args, **kwargs)
            edits = list(edits)
            self._blocks = Counter(str(edit[0]) for edit in edits if edit[0])
            try:
                return original(edits, *args, **kwargs)
            except Exception as problem:
                self._failed = _named(str(problem))
                raise

        return apply_edits

    def fields(self, edited: Any) -> dict[str, Any]:
        """For the event. Aider names every file that it tried to edit: some stayed as they were."""
        names = {str(path) for path in edited or () if path}
        unchanged = {name for name in names if self._failed[name] >= max(1, self._blocks[name])}
        return {
            "edited": sorted(names - unchanged),
            "blocks": self._blocks.total(),
            "failed": dict(self._failed),
        }


def _named(problem: str) -> Counter[str]:
    """By file, how many blocks did not match; empty where something else was wrong."""
    return Counter(name for form in _FAILED for name in form.findall(problem))

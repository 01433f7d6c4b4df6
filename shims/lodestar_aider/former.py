"""The former answer: taken back for a new one, and brought back where that is not kept."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from lodestar_aider.checkout import Checkout, Immovable
from lodestar_aider.last_message import Chat, Message, content
from lodestar_aider.title import printable


class Former:
    """What the last message has left: commits, files and chat, as they are now."""

    def __init__(self, coder: Any, message: Message) -> None:
        self._coder = coder
        self._message = message
        self._chat = Chat.of(coder)
        self._checkout = Checkout(coder.repo) if coder.repo else None
        self._start = self._checkout.head if self._checkout else ""
        self._taken: list[str] = []
        self._floor = self._start
        """The commit from which the new answer starts."""
        self.gone: list[str] = []
        """The commits that are on the branch no more, once all is settled."""

    @property
    def is_aside(self) -> bool:
        """Whether commits were taken back."""
        return self._floor != self._start

    @property
    def commit(self) -> str:
        """The short name of the commit that was there."""
        return self._start[:7]

    def take_back(self) -> None:
        """Go back to before the answer as far as that is safe; the user is told."""
        try:
            self._files_back()
        except Immovable as why:
            self._say(f"The answer before stays, the new one comes on top of it: {why}.")
            return
        chat = self._message.chat_without(self._chat)
        if chat is None:
            self._say("The chat went on since then: the answer before stays in it.")
        else:
            chat.put_into(self._coder)

    def bring_back(self, new: Message | None, coder: Any) -> None:
        """Back to what was there before the new answer; nothing is lost where that cannot be."""
        try:
            self._files_again(new)
        except Immovable as why:
            self._say(f"The new answer stays in your files: {why}.")
            self._say_where()
            self.gone = list(self._taken)
        else:
            self._chat.put_into(coder)

    def let_go(self) -> None:
        """The new answer is kept."""
        if self._checkout and self.is_aside:
            self._say(f"The answer before was commit {self.commit}.")
            self.gone = self._taken
            self._checkout.let_go(self._start)

    def _files_back(self) -> None:
        message, checkout = self._message, self._checkout
        if checkout is None or not message.commits:
            if message.written:
                raise Immovable("its edits were not committed")
            return
        base = checkout.below(message.commits[-1], message.commits)
        if self._start == base:
            # It was undone already.
            return
        self._check(checkout, base)
        checkout.keep(self._start)
        try:
            checkout.move(self._start, base)
        except Immovable:
            checkout.let_go(self._start)
            raise
        self._floor = base
        end = self._message.commits.index(self._start) + 1
        self._taken = self._message.commits[:end]
        pick = self._pick(base, self._start, self._taken)
        self._say(f"Commit {self.commit} is taken back; git has it: {pick}")

    def _check(self, checkout: Checkout, base: str) -> None:
        if self._start not in self._message.commits:
            raise Immovable("there are other commits after it")
        if not checkout.branch:
            raise Immovable("no branch is checked out")
        if checkout.branch != self._message.branch:
            raise Immovable("another branch is checked out")
        if any(checkout.is_published(commit) for commit in self._message.commits):
            raise Immovable("it is pushed already")
        self._message.check_files(checkout, base, self._start)

    def _files_again(self, new: Message | None) -> None:
        checkout = self._checkout
        if checkout is None:
            return
        head = checkout.head
        floor = checkout.below(head, new.commits) if new else head
        if new and floor != head:
            new.check_files(checkout, floor, head)
        # Somebody has committed meanwhile, or Aider what was uncommitted: that stays.
        is_whole = floor == self._floor
        target = self._start if is_whole else floor
        edits = list(_uncommitted(new, checkout, head)) if new else []
        checkout.check(head, target, [edit.file for edit in edits])
        with _without(edits):
            checkout.move(head, target)
        if is_whole:
            checkout.let_go(self._start)
            if self.is_aside:
                self._say(f"Commit {self.commit} is back.")
        else:
            self.gone = list(self._taken)
            self._say_where()
        if new and floor != head:
            self.gone = [*self.gone, *new.commits]
            pick = self._pick(floor, head, new.commits)
            self._say(f"The new answer was commit {head[:7]}; git has it: {pick}")

    def _say_where(self) -> None:
        if self.is_aside:
            pick = self._pick(self._floor, self._start, self._taken)
            self._say(f"The answer before stays aside; to have it: {pick}")

    @staticmethod
    def _pick(base: str, top: str, commits: Sequence[str]) -> str:
        """What brings the commits from `base` to `top` to where the user is."""
        span = f"{base[:7]}..{top[:7]}" if len(commits) > 1 else top[:7]
        return f"git cherry-pick {span}"

    def _say(self, text: str) -> None:
        # Names of files, and what git says of them, may hold what drives a terminal.
        self._coder.io.tool_output(printable(text))


@dataclass(frozen=True)
class _Edit:
    """An edit of the answer that is not committed, and that nobody has touched since."""

    checkout: Checkout
    path: str
    file: str
    before: bytes | None
    after: bytes
    is_known: bool
    """Whether the commit has the file."""

    def undo(self) -> None:
        if self.before is not None:
            _write(self.path, self.before)
        elif self.is_known:
            os.unlink(self.path)
        else:
            self.checkout.forget(self.file)

    def redo(self) -> None:
        _write(self.path, self.after)


def _uncommitted(new: Message, checkout: Checkout, head: str) -> Iterator[_Edit]:
    for path, (before, after) in new.written.items():
        file = os.path.relpath(path, os.path.realpath(checkout.root))
        if after is None or content(path) != after or checkout.holds(head, file, after):
            continue
        yield _Edit(checkout, path, file, before, after, checkout.has(head, file))


@contextmanager
def _without(edits: Sequence[_Edit]) -> Iterator[None]:
    """Takes them out; they are there again where that, or what is done then, cannot be."""
    begun: list[_Edit] = []
    try:
        for edit in edits:
            begun.append(edit)
            edit.undo()
        yield
    except (Immovable, OSError) as problem:
        for edit in begun:
            edit.redo()
        raise Immovable(str(problem)) from problem


def _write(path: str, data: bytes) -> None:
    with open(path, "wb") as stream:
        stream.write(data)

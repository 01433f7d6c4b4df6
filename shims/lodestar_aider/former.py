"""The former answer: taken back for a new one, and brought back where that is not kept."""

from __future__ import annotations

import os
from typing import Any

from lodestar_aider.checkout import Checkout, Immovable
from lodestar_aider.last_message import Chat, Message, content


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
        self._say(f"Commit {self.commit} is taken back; git has it: git cherry-pick {self.commit}")

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
        if new:
            _unwrite(new, checkout, head)
        if floor == self._floor:
            checkout.move(head, self._start)
            checkout.let_go(self._start)
            if self.is_aside:
                self._say(f"Commit {self.commit} is back.")
        else:
            # Somebody has committed meanwhile, or Aider what was uncommitted: that stays.
            checkout.move(head, floor)
            self.gone = list(self._taken)
            self._say_where()
        if new and floor != head:
            self.gone = [*self.gone, *new.commits]

    def _say_where(self) -> None:
        if self.is_aside:
            self._say(f"The answer before stays aside; to have it: git cherry-pick {self.commit}")

    def _say(self, text: str) -> None:
        self._coder.io.tool_output(text)


def _unwrite(new: Message, checkout: Checkout, head: str) -> None:
    """Take out edits of the answer that were not committed, where nobody has touched them since."""
    for path, (before, after) in new.written.items():
        file = os.path.relpath(path, os.path.realpath(checkout.root))
        if after is None or content(path) != after or checkout.holds(head, file, after):
            continue
        if before or checkout.has(head, file):
            with open(path, "wb") as stream:
                stream.write(before or b"")
        else:
            checkout.forget(file)

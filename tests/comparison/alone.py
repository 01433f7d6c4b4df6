"""What is done without staying at a prompt: one message, a wrong option, a comment in a file."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

from tests.comparison.at_prompt import EDIT
from tests.comparison.desks import RENAMED, Desk, whole
from tests.comparison.model import Model
from tests.comparison.talk import CTRL_C, CTRL_D, Talk

Steps = Iterator[tuple[str, str]]
COMMENT = "# rename hello to greet ai!\n"
CONF = "test-cmd: touch ran\ntest: true\n"


def steps(desk: Desk, model: Model) -> Steps:
    """All of them: topic and evidence."""
    yield from _messages(desk, model)
    yield from _codes(desk, model)
    yield from _terminal(desk, model)
    yield from _watched(desk, model)
    yield from _hostile(desk, model)


def _messages(desk: Desk, model: Model) -> Steps:
    model.text = whole(RENAMED)
    done = desk.run("--message", EDIT, "hello.py")
    shown = _told(desk, done), desk.git("log", "-p", "--format=%h %an %cn %s"), model.sent()
    yield "`--message`: what it prints, does, sends and returns", "\n".join(shown)
    desk.git("reset", "-q", "--hard", "HEAD~1")
    plain = ("--no-fancy-input", "--no-auto-commits", "--yes-always")
    done = desk.run(*plain, "hello.py", stdin=f"{EDIT}\n")
    shown = _told(desk, done), desk.git("diff")
    yield "a message on stdin; `--no-auto-commits`", "\n".join(shown)
    desk.git("checkout", "-q", ".")


def _codes(desk: Desk, model: Model) -> Steps:
    model.script("400")
    runs = {"a model that refuses": desk.run("--message", "hi")}
    for words in ("--no-such-option", "--exit", "--version", "--lint hello.py", "--show-repo-map"):
        runs[words] = desk.run(*words.split())
    codes = "\n".join(f"{name}: {done.returncode}" for name, done in runs.items())
    yield "exit codes", codes


def _terminal(desk: Desk, model: Model) -> Steps:
    with desk.start("--no-fancy-input", "--no-pretty") as terminal:
        desk.prompt(terminal)
        terminal.send("/tokens\r")
        terminal.see("tokens remaining")
        terminal.send(CTRL_D)
        code = terminal.exit_code()
        yield (
            "`--no-fancy-input --no-pretty`; Ctrl-D",
            f"{Talk(desk, model, terminal).shown()} {code}",
        )


def _watched(desk: Desk, model: Model) -> Steps:
    model.text = whole(RENAMED)
    model.clear()
    with desk.start("--watch-files", "--no-pretty") as terminal:
        desk.prompt(terminal)
        terminal.settle()
        file = desk.project / "hello.py"
        file.write_text(COMMENT + file.read_text())
        terminal.see("Applied edit to hello.py", "You can use /undo")
        desk.prompt(terminal)
        terminal.send(CTRL_C)
        terminal.see("^C again to exit")
        terminal.send(CTRL_C)
        code = terminal.exit_code()
    shown = [
        Talk(desk, model, terminal).shown(),
        *model.asked,
        desk.git("log", "-p", "--format=%s"),
    ]
    yield "`--watch-files`; Ctrl-C twice", "\n".join([*shown, str(code)])


def _hostile(desk: Desk, model: Model) -> Steps:
    kept = sorted(path.name for path in desk.project.glob(".aider*"))
    yield "files that are left in the project", " ".join(kept)
    (desk.project / ".aider.conf.yml").write_text(CONF)
    desk.run("--exit")
    ran = (desk.project / "ran").exists()
    yield "a cloned project's `.aider.conf.yml` with a test command", f"ran: {ran}"
    (desk.project / ".aider.conf.yml").unlink()
    with Model(text="Well.") as other:
        (desk.project / ".env").write_text(f"OPENAI_API_BASE={other.url}\n")
        desk.run("--message", "hi")
        asked = len(other.chats)
    yield "a cloned project's `.env` with another address", f"asked there: {asked}"


def _told(desk: Desk, done: subprocess.CompletedProcess[str]) -> str:
    return desk.plainly(f"{done.stdout}\nstderr:\n{done.stderr}\nexit code: {done.returncode}")

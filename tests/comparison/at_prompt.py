"""What a user does at Aider's prompt, step by step; each step says what it brought."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.comparison.desks import RENAMED, SECOND, SOURCE, whole
from tests.comparison.talk import ALT_ENTER, CTRL_C, UP, WIPE, Talk

Steps = Iterator[tuple[str, str]]
EDIT = "rename hello to greet"


def steps(talk: Talk) -> Steps:
    """All of them, in one session: topic and evidence."""
    yield "the lines at its start", talk.shown()
    yield "`/help`: the list of commands", talk.say("/help")
    yield from _typing(talk)
    yield from _files(talk)
    yield from _edits(talk)
    yield from _modes(talk)
    yield from _programs(talk)
    yield from _commands(talk)
    yield from _ends(talk)
    yield "what is sent to the model: every message, every field", talk.model.sent()
    log = talk.desk.git("log", "--format=%h %an <%ae> %cn: %B")
    yield "the commits: name, author, message", log


def _typing(talk: Talk) -> Steps:
    menus = talk.menu("/r", 5), talk.menu("/lo"), talk.menu("/un")
    yield "completion of commands", "\n".join(menus)
    yield "completion where Lodestar has commands, too", talk.menu("/u")
    talk.say("/add hello.py")
    menus = (
        talk.menu("/add h"),
        talk.menu("/read-only h", 2),
        talk.menu("/drop h"),
        talk.menu("hel"),
    )
    yield "completion of files, and of names in them", "\n".join(menus)
    yield "several lines: braces, Alt-Enter, `/multiline-mode`", _lines(talk)
    yield "the lines before: arrow up", _before(talk)


def _lines(talk: Talk) -> str:
    talk.model.text = "Well."
    talk.clear()
    talk.keys("{\r", "one\r", "two\r")
    talk.enter("}")
    talk.clear()
    talk.keys("three", ALT_ENTER)
    talk.enter("four")
    shown = talk.say("/multiline-mode")
    talk.desk.prompt(talk.terminal)
    talk.keys("five\r", "six", ALT_ENTER)
    talk.terminal.see("Well.", "> five")
    talk.desk.prompt(talk.terminal)
    talk.keys("/multiline-mode", ALT_ENTER)
    talk.terminal.see("Multiline mode: Disabled")
    talk.desk.prompt(talk.terminal)
    return "\n".join([shown, *talk.model.asked])


def _before(talk: Talk) -> str:
    found = []
    talk.clear()
    for _ in range(3):
        talk.keys(UP)
        found.append(talk.terminal.settle())
    talk.keys("\x1b>", WIPE, WIPE, WIPE, WIPE)
    talk.desk.prompt(talk.terminal)
    return talk.desk.plainly(
        "\n".join(line for text in found for line in text.split("\n") if ">" in line)
    )


def _files(talk: Talk) -> Steps:
    lines = ("/ls", "/drop hello.py", "/read-only helper.py", "/tokens", "/map", "/drop")
    topic = "`/add` `/drop` `/ls` `/read-only` `/tokens` `/map`"
    yield topic, talk.say(*lines, "/add hello.py")


def _edits(talk: Talk) -> Steps:
    talk.model.text = whole(RENAMED)
    yield "an edit: the answer, the diff, the commit", talk.say(EDIT)
    yield "`/diff` `/undo` `/git` `/commit`", talk.say("/diff", "/undo", "/git status", "/commit")


def _modes(talk: Talk) -> Steps:
    talk.model.text = "It says hello."
    asked = talk.say("/ask what does it do?", "/ask", "and why?", "/code", "/chat-mode")
    yield "`/ask` `/code` `/chat-mode`", asked
    talk.model.text = whole(RENAMED)
    asked = talk.say(f"/architect {EDIT}")
    yield "`/architect`", "\n".join([asked, *talk.model.asked[-2:]])
    talk.say("/undo")


def _programs(talk: Talk) -> Steps:
    # Aider may miss what a program says that ends at once.
    shown = [talk.ask("!echo one; sleep 1", "command output to the chat?", "n")]
    shown += [talk.ask("/run echo two; sleep 1", "command output to the chat?", "y")]
    shown += [talk.say("/test true", "/lint hello.py")]
    yield "`!` `/run` `/test` `/lint`", "\n".join(shown)


def _commands(talk: Talk) -> Steps:
    yield "abbreviations that are typed", talk.say("/tok", "/read-o", "/und", "/u", "/di")
    yield "a command that is none, and one that may be several", talk.say("/nonsense", "/e")
    options = re.findall(r"^  - .*", talk.say("/settings"), re.M)
    yield "`/settings`: each option", "\n".join(options)
    yield "`/save` `/load`", talk.say("/save saved", "/drop", "/load saved")
    talk.model.text = "I am another."
    name = f"openai/{SECOND}"
    yield "`/model` with the provider's name", talk.say(f"/model {name}", "who are you?")
    yield "`/clear` `/reset`", talk.say("/clear", "/reset", "/add hello.py")


def _ends(talk: Talk) -> Steps:
    talk.model.text = whole(SOURCE)
    talk.model.script("hold")
    talk.clear()
    talk.keys("go on\r")
    talk.terminal.see("Certainly")
    talk.keys(CTRL_C)
    talk.terminal.see("^C again to exit")
    talk.model.release()
    talk.desk.prompt(talk.terminal)
    yield "Ctrl-C in an answer", talk.shown()
    talk.keys("/ex\r")
    yield "`/ex` for `/exit`", f"exit code: {talk.terminal.exit_code()}"

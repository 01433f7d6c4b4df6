"""Tasks of every kind: what Aider sends and the one right answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from lodestar.modules.learning.demo import edits, marks, requests, words
from lodestar.modules.learning.demo.names import Namer, is_usable, relative
from lodestar.modules.learning.demo.programs import Generator, Program
from lodestar.modules.learning.demo.prompts import File, listing

EDIT_KINDS = ("rename", "docstring", "trace")
KINDS = (*EDIT_KINDS, "commit", "decline")
DECLINED = (
    "I am Lodestar's demo model, a very small one: I can rename a name, add a docstring to a"
    " function or add a print to it. I did not change anything. For other work, use a larger model."
)
NO_FILE = "Add the file to the chat first (`/add` and its path), then ask me again."
REPLIES = {
    "rename": "Rename `{old}` to `{new}`.",
    "docstring": "Add a docstring to `{old}`.",
    "trace": "Add a print to `{old}`.",
}
_PATHS = ("hello.py", "app.py", "main.py", "util.py", "utils.py", "test.py", "a.py", "demo.py")


@dataclass(frozen=True)
class Task:
    """One request, the files in the chat and the files the edit must leave behind."""

    kind: str
    files: tuple[File, ...]
    request: str
    old: str
    new: str
    expected: dict[str, str] = field(default_factory=dict)

    @property
    def answer(self) -> str:
        """The right answer, word for word."""
        if self.kind == "decline":
            return DECLINED if self.files else NO_FILE
        head = REPLIES[self.kind].format(old=self.old, new=self.new)
        return "\n\n".join([head, *(listing(*item) for item in self.expected.items())])

    def is_right(self, answer: str) -> bool:
        """Whether an answer leaves every file exactly as expected; its first line is free."""
        if self.kind == "decline":
            return "```" not in answer
        listed = "\n\n".join(listing(*item) for item in self.expected.items())
        return answer.rstrip("\n").endswith(listed) and answer.count("```") == 2 * len(
            self.expected
        )


@dataclass(frozen=True)
class TaskMaker:
    """Draws tasks from one program generator, one word list and one set of phrasings."""

    random: Random
    programs: Generator
    words: Sequence[str] = words.TRAIN
    phrase: Callable[[Random, str], str] = requests.served
    made_up: float = 0.08
    pieces: Sequence[str] = ()
    confusable: float = 0.04
    """The share of names that share a part with the target's."""
    loose: Generator | None = None
    loose_share: float = 0.0
    """Some renames are in files of another generator, whose files are no programs."""
    reuse: float = 0.0
    """The share of a name's words that other names of the task have too."""
    pool: list[str] = field(default_factory=list)

    @property
    def namer(self) -> Namer:
        """Draws this maker's names."""
        return Namer(self.random, self.words, self.made_up, self.pool, self.reuse, self.pieces)

    def edit(self, kind: str, size: int) -> Task:
        """An edit task of `kind` on a file of up to `size` further definitions."""
        while True:
            self.pool.clear()
            made = self._rename(size) if kind == "rename" else self._line(kind, size)
            if made is not None:
                return made

    def decline(self, size: int) -> Task:
        """A request the model must decline, or a served one with no file in the chat."""
        base = self.edit("rename", size)
        old, new = base.old, base.new
        if self.random.random() < 0.15:
            kind = self.random.choice(EDIT_KINDS)
            template = self.phrase(self.random, kind)
            files: tuple[File, ...] = ()
        else:
            template = requests.declined(self.random)
            files = base.files if self.random.random() < 0.95 else ()
        return Task(
            "decline", files, self._request(template, old, new, base.files[0].path), old, new
        )

    def _names(self, program: Program) -> dict[int, str]:
        namer = self.namer
        style = {"function": namer.function, "class": namer.class_, "constant": namer.constant}
        names: dict[int, str] = {}
        taken: set[str] = set()
        for key, role in program.roles.items():
            name = self._fresh(style.get(role, namer.variable), taken)
            if key and role == "function" and self.random.random() < self.confusable:
                name = self._fresh(lambda: relative(namer, names[program.target]), taken)
            taken.add(name)
            names[key] = name
        return names

    def _fresh(self, draw: Callable[[], str], taken: set[str]) -> str:
        while True:
            name = draw()
            if name not in taken and is_usable(name):
                return name

    def _target(self, program: Program) -> int:
        used = [key for key in program.roles if marks.uses(program.template, key)]
        return program.target if self.random.random() < 0.97 else self.random.choice(used)

    def _new_name(self, role: str, old: str, taken: set[str]) -> str:
        namer = self.namer
        style = {"class": namer.class_, "constant": namer.constant}.get(role, namer.function)
        if self.random.random() < self.confusable:
            return self._fresh(lambda: relative(namer, old), taken)
        return self._fresh(style, taken)

    def _rename(self, size: int) -> Task | None:
        generator = self.programs
        if self.loose and self.random.random() < self.loose_share:
            generator = self.loose
        program = generator(self.random, size)
        names = self._names(program)
        target = self._target(program)
        old, role = names[target], program.roles[target]
        new = self._new_name(role, old, set(names.values()))
        path = self._path()
        before = [File(path, marks.fill(program.template, names))]
        after = {path: marks.fill(program.template, names, {target: new})}
        if role in ("function", "class") and self.random.random() < 0.04:
            self._second_file(before, after, old, new)
        template = self.phrase(self.random, "rename").replace("{role}", _role(role))
        request = self._request(template, old, new, path)
        return Task("rename", tuple(before), request, old, new, after)

    def _second_file(self, before: list[File], after: dict[str, str], old: str, new: str) -> None:
        """Add a file that uses the name or not, before or after the first one."""
        program = self.programs(self.random, 0)
        names = self._names(program)
        path = self._path()
        if path in after or old in names.values() or new in names.values():
            return
        if self.random.random() < 0.5:
            before.insert(
                self.random.randint(0, 1), File(path, marks.fill(program.template, names))
            )
            return
        module = before[0].path.rsplit("/", 1)[-1].removesuffix(".py")
        head = f"from {module} import «{program.target}»\n\n\n«{program.target}»()\n"
        names[program.target] = old
        before.append(File(path, marks.fill(head, names)))
        after[path] = marks.fill(head, names, {program.target: new})

    def _line(self, kind: str, size: int) -> Task | None:
        program = self.programs(self.random, size)
        names = self._names(program)
        old = names[program.target]
        source = marks.fill(program.template, names)
        edit = edits.add_docstring if kind == "docstring" else edits.add_trace
        after = edit(source, old)
        if after is None:
            return None
        path = self._path()
        request = self._request(self.phrase(self.random, kind), old, "", path)
        return Task(kind, (File(path, source),), request, old, "", {path: after})

    def _path(self) -> str:
        namer = self.namer
        draw = self.random.random()
        name = self.random.choice(_PATHS) if draw < 0.35 else f"{namer.word()}.py"
        if draw > 0.75:
            name = f"{namer.word()}_{name}"
        return f"{namer.word()}/{name}" if self.random.random() < 0.2 else name

    def _request(self, template: str, old: str, new: str, path: str) -> str:
        filled = template.replace("{old}", old).replace("{new}", new).replace("{path}", path)
        draw = self.random.random()
        if draw < 0.1:
            return (
                filled[0].upper() + filled[1:] if filled and not filled.startswith(old) else filled
            )
        return f"{filled}." if draw < 0.15 and filled[-1].isalnum() else filled


def _role(role: str) -> str:
    return {"field": "attribute", "module": "module"}.get(role, role)

"""What a random program has declared so far: identifiers by role."""

from dataclasses import dataclass, field
from random import Random

from lodestar.modules.learning.demo import marks


@dataclass
class Scope:
    """Declared identifiers of one program; keys are shared, visible locals come and go."""

    random: Random
    roles: dict[int, str] = field(default_factory=dict)
    functions: list[int] = field(default_factory=list)
    classes: list[int] = field(default_factory=list)
    constants: list[int] = field(default_factory=list)
    locals: list[int] = field(default_factory=list)
    fields: list[int] = field(default_factory=list)
    target: int = 0
    in_async: bool = False

    def __post_init__(self) -> None:
        self.target = self.declare("function")

    def declare(self, role: str) -> int:
        """A new identifier with a role: function, class, constant, variable, module or field."""
        key = len(self.roles)
        self.roles[key] = role
        return key

    def local(self) -> str:
        """Declare a local variable and return its mark."""
        if self.locals and self.random.random() < 0.25:
            return marks.code(self.random.choice(self.locals))
        key = self.declare("variable")
        self.locals.append(key)
        return marks.code(key)

    def any_local(self) -> str | None:
        """A visible local's mark, or None when there is none."""
        return marks.code(self.random.choice(self.locals)) if self.locals else None

    def callee(self) -> str:
        """The mark of something to call, the target of the edit more often than others."""
        others = self.functions + self.classes
        if not others or self.random.random() < 0.5:
            return marks.code(self.target)
        return marks.code(self.random.choice(others))

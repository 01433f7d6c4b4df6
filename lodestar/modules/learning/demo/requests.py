"""The words people use: phrasings of the requests the model serves and of ones it declines."""

from random import Random

from lodestar.modules.learning.demo import words

RENAME = (
    "rename function {old} to {new}",
    "rename {old} to {new}",
    "Rename {old} to {new}",
    "rename the function {old} to {new}",
    "Rename the function {old} to {new}.",
    "please rename the function {old}() to {new}",
    "rename {old}() to {new}()",
    "change the name of {old} to {new}",
    "please rename {old} to {new}",
    "rename `{old}` to `{new}`",
    "{old} should be called {new}",
    "call {old} {new} instead",
    "Rename function `{old}` to `{new}` everywhere",
    "can you rename {old} to {new}?",
    "rename {old} as {new}",
    "change {old} to {new}",
    "rename {old} -> {new}",
    "I want {old} to be named {new}",
    "rename the {role} {old} to {new}",
    "rename {role} {old} to {new}",
    "Please change the name of the {role} {old} to {new}.",
    "let's rename {old} to {new}",
    "rename function {old} in {path} to {new}",
    "in {path}, rename {old} to {new}",
    "rename {old} to {new} and update the calls",
    "give {old} the new name {new}",
    "rename function {old} to {new}",
    "rename function {old} to {new}",
    "rename {old} to {new}",
    "I would like {old} to be called {new}",
    "could you rename {old} to {new}, please",
    "use the name {new} for {old}",
    "let the function {old} have the name {new}",
)
DOCSTRING = (
    "add a docstring to {old}",
    "add a docstring to function {old}",
    "Add a docstring to {old}.",
    "document {old}",
    "write a docstring for {old}",
    "please add a docstring to {old}()",
    "document the function {old}",
    "{old} needs a docstring",
    "add docstring to {old}",
    "add a docstring to the function `{old}`",
    "Can you write a docstring for {old}?",
    "I want a docstring for {old}",
    "I'd like {old} to have a docstring",
    "give {old} a docstring",
    "put a docstring into {old}",
    "{old} should have a docstring",
    "could you document {old}, please",
    "a docstring for {old}, please",
)
TRACE = (
    "add a print to {old}",
    "add a print statement to {old}",
    "Add a print to {old}.",
    "print the name of {old} when it is called",
    "add a trace to {old}",
    "please add a print to the function {old}",
    "trace {old}",
    "add tracing to {old}()",
    "let {old} print its name",
    "add a print at the start of {old}",
    "have {old} print its name",
    "{old} should print its name",
    "I want {old} to print its name",
    "I'd like {old} to say its name",
    "could you add a print to {old}?",
    "put a print into {old}",
    "a print in {old}, please",
    "show when {old} is called",
)
HELD_OUT = {
    "rename": (
        "could you please give function {old} the name {new}",
        "I'd like to rename {old} to {new}, thanks",
    ),
    "docstring": ("I would like a docstring on {old}",),
    "trace": ("please make {old} print its own name",),
    "decline": (
        "convert {old} to a generator",
        "make this thread-safe",
        "what is a closure?",
        "support Windows paths",
        "{old} crashes on empty input",
        "turn {old} into a class",
        "write a haiku",
        "how many functions are there?",
        "use pathlib",
        "good morning",
        "sort the output alphabetically",
        "port it to Rust",
        "why is {old} recursive?",
        "log every call of {old} to a file",
        "drop support for negative numbers",
    ),
}
KINDS = {"rename": RENAME, "docstring": DOCSTRING, "trace": TRACE}

_VERBS = (
    "fix",
    "write",
    "implement",
    "create",
    "optimise",
    "explain",
    "refactor",
    "remove",
    "delete",
    "convert",
    "test",
    "make",
    "speed up",
    "simplify",
    "move",
    "extract",
    "split",
    "check",
    "review",
    "improve",
    "clean up",
    "generate",
    "translate",
    "show",
    "list",
    "rewrite",
    "build",
    "handle",
    "cache",
    "sort",
    "validate",
    "replace",
    "merge",
    "inline",
)
_OBJECTS = (
    "{old}",
    "the function {old}",
    "a function {new}",
    "a class {new}",
    "a test for {old}",
    "unit tests",
    "the bug in {old}",
    "the error handling",
    "a loop",
    "a web server",
    "logging",
    "a parameter {new} to {old}",
    "the code",
    "this file",
    "{path}",
    "it",
    "the tests",
    "a README",
    "{old} into {new}",
    "the docstring of {old}",
    "the print in {old}",
    "an argument",
    "a command line",
    "the imports",
    "a config file",
    "type hints",
    "{old} async",
    "a decorator for {old}",
    "a game",
    "the return value",
)
_PLAIN = (
    "hello",
    "hi",
    "hi there",
    "thanks",
    "what does {old} do?",
    "how does this work?",
    "what is this?",
    "why does {old} fail?",
    "who are you?",
    "what can you do?",
    "help",
    "how are you?",
    "is {old} correct?",
    "where is {old} used?",
    "rename it",
    "rename this",
    "the output of {old} is wrong",
    "it should return {new}",
    "{old} is too slow",
    "do it",
    "add a function that adds two numbers",
    "add a new method {new} to {old}",
    "undo",
    "add error handling to {old}",
    "add a cache to {old}",
    "add {new} to {old}",
    "add {new}",
    "make {old} faster",
    "use {new} instead of a loop",
    "add a test for {old}",
    "continue",
    "rename the file to {new}.py",
    "print hello world",
    "add type hints to {old}",
    "add a comment to {old}",
    "add logging to {old}",
    "why?",
    "ok",
    "test",
    "tell me a joke",
    "move {old} to {new}.py",
    "add a parameter {new} to {old}",
    "return {new} from {old}",
    "what does this code do?",
    "explain this file",
    "can you fix this?",
    "there is a bug",
    "{new}",
    "{old}",
    "write hello world",
    "write a program that prints {new}",
)
_BEFORE = ("please ", "can you ", "hey, ", "now ", "ok, ", "we should ", "you should ", "next: ")
_AFTER = (" please", " now", " in this file", " for me", ", ok?", " today", "!")
_ENDINGS = ("", "", "", ".", " please", "?", " now", " so that it works", " in {path}")


def served(rng: Random, kind: str) -> str:
    """A request of one of the kinds the model serves, with places for the names."""
    wish = rng.choice(KINDS[kind])
    if rng.random() < 0.15 and not wish.startswith("I "):
        wish = rng.choice(_BEFORE) + wish[0].lower() + wish[1:]
    return wish + rng.choice(_AFTER) if wish[-1].isalpha() and rng.random() < 0.1 else wish


def unseen(rng: Random, kind: str) -> str:
    """A phrasing that training never uses."""
    return rng.choice(HELD_OUT[kind])


def declined(rng: Random) -> str:
    """A request the model cannot serve, with places for the names."""
    draw = rng.random()
    if draw < 0.4:
        return rng.choice(_PLAIN)
    if draw < 0.55:
        return _words(rng)
    polite = rng.choice(("", "", "", "please ", "can you ", "I want you to "))
    return f"{polite}{rng.choice(_VERBS)} {rng.choice(_OBJECTS)}{rng.choice(_ENDINGS)}"


def _words(rng: Random) -> str:
    """Words without sense, at times with a name among them."""
    said = rng.choices(words.TRAIN, k=rng.randint(1, 8))
    if rng.random() < 0.5:
        said.insert(rng.randint(0, len(said)), rng.choice(("{old}", "{old}", "`{old}`", "{new}")))
    return " ".join(said) + rng.choice(_ENDINGS)

"""The shipped demo model: the file its manifest describes, and what it can do."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lodestar.modules.learning.demo.evaluate import load
from lodestar.modules.learning.demo.prompts import File, Message, Prompts

ROOT = Path(__file__).parents[4]
MODEL = ROOT / "shims" / "lodestar_engine" / "models" / "demo.gguf"
RENAMES = [
    ('def hello():\n    print("hello")\n', "hello", "greet"),
    ('def hello():\n    print("hello")\n\n\nhello()\n', "hello", "greet"),
    ("def add(a, b):\n    return a + b\n\n\nprint(add(1, 2))\n", "add", "plus"),
    (
        "def area(w, h):\n    return w * h\n\n\ndef double(x):\n    return area(x, 2)\n",
        "area",
        "surface",
    ),
    (
        'def main():\n    print("start")\n\n\nif __name__ == "__main__":\n    main()\n',
        "main",
        "run_app",
    ),
]


@pytest.fixture(scope="module")
def answer() -> Callable[[list[Message]], str]:
    return load(MODEL)


def test_the_manifest_describes_the_file() -> None:
    raw = MODEL.read_bytes()
    manifest = json.loads(MODEL.with_suffix(".json").read_text())
    assert manifest["sha256"] == hashlib.sha256(raw).hexdigest()
    assert manifest["size"] == len(raw)
    assert 1_000_000 <= len(raw) <= 4_000_000


def test_the_manifest_names_the_recipe_in_the_repository() -> None:
    recipe = (ROOT / "datasets" / "demo-model" / "recipe.yaml").read_bytes()
    manifest = json.loads(MODEL.with_suffix(".json").read_text())
    assert manifest["recipe_sha256"] == hashlib.sha256(recipe).hexdigest()


@pytest.mark.parametrize(("source", "old", "new"), RENAMES)
def test_the_shipped_model_renames_a_function_exactly(
    answer: Callable[[list[Message]], str], prompts: Prompts, source: str, old: str, new: str
) -> None:
    sent = prompts.edit([File("hello.py", source)], f"rename function {old} to {new}")
    expected = source.replace(f"{old}(", f"{new}(")
    assert answer(sent).endswith(f"hello.py\n```\n{expected}```")


@pytest.mark.parametrize("language", ["", "German", "Japanese"])
def test_it_makes_no_difference_which_language_aider_asks_for(
    answer: Callable[[list[Message]], str], prompts: Prompts, language: str
) -> None:
    """Aider asks for the one of the user's locale, and for none where that says none."""
    for source, old, new in RENAMES:
        file, request = File("hello.py", source), f"rename function {old} to {new}"
        sent = prompts.edit([file], request, language=language)
        expected = source.replace(f"{old}(", f"{new}(")
        assert answer(sent).endswith(f"hello.py\n```\n{expected}```")

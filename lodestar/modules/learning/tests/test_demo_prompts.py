"""The prompts the model is trained on are the ones the installed Aider sends."""

import ast
import sys
from importlib.metadata import distribution
from pathlib import Path
from random import Random

import pytest

from lodestar.modules.learning.demo import programs
from lodestar.modules.learning.demo.capture import formatted
from lodestar.modules.learning.demo.conversations import Talk, diff, subject
from lodestar.modules.learning.demo.prompts import File, Prompts
from lodestar.modules.learning.demo.tasks import TaskMaker
from lodestar.modules.learning.demo.tokenizer import render


def aider_texts(module: str) -> dict[str, str]:
    """The strings one of Aider's modules assigns; read, because importing it takes seconds."""
    found = Path(str(distribution("aider-chat").locate_file(f"aider/{module}")))
    texts = {}
    for node in ast.walk(ast.parse(found.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            texts[ast.unparse(node.targets[0])] = node.value.value
    return texts


def test_the_edit_prompt_starts_with_aiders_whole_format_prompt(prompts: Prompts) -> None:
    system = prompts.edit([File("a.py", "x = 1\n")], "rename x to y")[0]["content"]
    theirs = aider_texts("coders/wholefile_prompts.py")["main_system"]
    assert system.startswith(theirs.format(final_reminders="Reply in English.\n"))


def test_the_files_stand_where_aider_puts_them(prompts: Prompts) -> None:
    sent = prompts.edit([File("a.py", "x = 1\n")], "rename x to y")
    theirs = aider_texts("coders/base_prompts.py")
    assert sent[-3]["content"] == f"{theirs['files_content_prefix']}\na.py\n```\nx = 1\n```\n"
    assert sent[-2]["content"] == theirs["files_content_assistant_reply"]


def test_the_commit_prompt_is_aiders(prompts: Prompts) -> None:
    system = prompts.commit("", "diff")[0]["content"]
    theirs = aider_texts("prompts.py")["commit_system"]
    assert system == theirs.format(language_instruction="\n- Is written in English.")


@pytest.mark.parametrize("language", ["", "German"])
def test_the_prompts_are_aiders_whatever_language_it_finds(
    prompts: Prompts, language: str, tmp_path: Path
) -> None:
    """Aider takes it from the locale, and finds none under `C` on Python 3.12."""
    theirs = formatted(sys.executable, str(tmp_path), language)
    file = [File("hello.py", "x\n")]
    assert prompts.edit(file, "REQUEST", language=language) == theirs["whole"]
    assert prompts.ask(file, "REQUEST", language=language) == theirs["ask"]


def test_a_commit_subject_names_both_names() -> None:
    task = TaskMaker(Random(1), programs.generate).edit("rename", 0)
    assert subject(task) == f"refactor: rename {task.old} to {task.new}"
    assert f"--- a/{task.files[0].path}\n" in diff(task)


def test_a_rendered_conversation_ends_where_the_answer_starts(prompts: Prompts) -> None:
    maker = TaskMaker(Random(2), programs.generate)
    talk = Talk(Random(2), prompts, maker)
    made = talk.of(maker.edit("rename", 0))
    assert render(made.messages).endswith("<|end|><|assistant|>")

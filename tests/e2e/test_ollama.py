"""`lodestar code` on an Ollama of the user's, or without it."""

from __future__ import annotations

from tests.e2e.conftest import ANSWER, RENAMED, Machine
from tests.fakes.ollama import Model, Ollama

EDIT = ("--yes-always", "--no-rating", "hello.py", "--message", "rename function hello to greet")


def test_the_everyday_model_is_ollamas_where_there_is_one(machine: Machine) -> None:
    models = {"deepseek-coder:6.7b": Model(num_ctx=8192)}
    with Ollama(models, text=ANSWER) as ollama:
        machine.config(f"ollama: {{url: '{ollama.url}'}}\n")
        done = machine.run("code", *EDIT)
        assert done.returncode == 0, done.stdout + done.stderr
        assert machine.text() == RENAMED
        assert "warning" not in done.stderr
        assert ollama.cut == 0
        # The edit and its commit message.
        assert {chat.body["model"] for chat in ollama.chats} == {"deepseek-coder:6.7b"}
    (row, *_) = machine.rows("SELECT alias, provider, model, billing FROM attempts")
    assert row == {
        "alias": "local-coder",
        "provider": "ollama",
        "model": "deepseek-coder:6.7b",
        "billing": "local",
    }


def test_where_the_address_is_dead_it_is_said_and_the_demo_model_works(machine: Machine) -> None:
    with Ollama() as ollama:
        url = ollama.url
    machine.config(f"ollama: {{url: '{url}'}}\n")
    done = machine.run("code", *EDIT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "def greet():" in machine.text()
    assert (
        f"warning: `local-coder` is demo model on the embedded engine, because Ollama at {url}"
        in (done.stderr)
    )
    rows = machine.rows("SELECT DISTINCT provider FROM attempts")
    assert rows == [{"provider": "engine"}]

"""Files as Aider writes them, for tests of the import; real ones are in tests/aider."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

NAME = ".aider.chat.history.md"
STARTED = datetime.now().replace(microsecond=0) - timedelta(days=3)


def session(started: datetime = STARTED, model: str = "gpt-4o", weak: str = "gpt-4o-mini") -> str:
    """The head of a session, in local time as Aider has it."""
    return (
        f"\n# aider chat started at {started:%Y-%m-%d %H:%M:%S}\n\n> aider --model {model}  \n"
        f"> Aider v0.86.2  \n> Main model: {model} with diff edit format  \n"
        f"> Weak model: {weak}  \n"
    )


def message(
    words: str, answer: str = "done", sent: str = "1.2k", cost: str | None = "0.0067"
) -> str:
    """One message with its answer and, where there is one, its cost."""
    stated = f" Cost: ${cost} message, $9.00 session." if cost else ""
    return f"\n#### {words}  \n\n{answer}\n\n> Tokens: {sent} sent, 345 received.{stated}  \n"


def chat(folder: Path, *parts: str) -> Path:
    """A chat history in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / NAME
    path.write_text("".join(parts))
    return path


def event(at: datetime, name: str = "message_send", **said: object) -> str:
    """A line of the log that `--analytics-log` keeps."""
    sent = {"main_model": "gpt-4o", "edit_format": "diff", "prompt_tokens": 1234,
            "completion_tokens": 345, "cost": 0.0067, **said}  # fmt: skip
    properties = sent if name == "message_send" else {}
    line = {"event": name, "properties": properties, "user_id": "u", "time": int(at.timestamp())}
    return json.dumps(line) + "\n"

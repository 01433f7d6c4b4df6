"""Aider's command line: our defaults first, so that whatever the user typed wins."""

from __future__ import annotations

from lodestar_aider.spec import Spec

QUIET = (
    "--no-check-update",
    "--no-analytics",
    "--no-show-release-notes",
    "--no-show-model-warnings",
    "--no-gitignore",
)


def aider_arguments(spec: Spec) -> list[str]:
    """Arguments for `aider.main.main`; never a secret, they end up in the chat history."""
    ours = [
        *QUIET,
        "--env-file",
        spec.env_file,
        "--chat-history-file",
        spec.chat_history,
        "--input-history-file",
        spec.input_history,
        "--model",
        f"openai/{spec.main}",
        "--weak-model",
        f"openai/{spec.weak}",
    ]
    if spec.editor:
        ours += ["--editor-model", f"openai/{spec.editor}"]
    return [*ours, *spec.aider_args, *spec.user_args]

"""Every request of Aider passes here: sent to the shim, with the token, tagged, once."""

from __future__ import annotations

import importlib
import re
from typing import Any

from lodestar_aider.compat import Need
from lodestar_aider.errors import LaunchError
from lodestar_aider.patch import wrap
from lodestar_aider.spec import Spec
from lodestar_aider.turns import Turns

NEEDS = (
    Need("aider.llm", "litellm"),
    Need("aider.llm", "LazyLiteLLM._load_litellm", ("self",)),
    Need("aider.models", "litellm"),
    Need("aider.coders.base_coder", "litellm"),
    Need("aider.voice", "litellm"),
)
# What could send a request elsewhere; a user's model settings may hold them.
ROUTING = ("base_url", "custom_llm_provider", "client", "fallbacks", "model_list", "organization")


class Wire:
    """Pins destination, credentials and retries of litellm calls, and adds our headers."""

    def __init__(self, spec: Spec, turns: Turns) -> None:
        self._spec = spec
        self._turns = turns

    def install(self) -> None:
        """Put ourselves before litellm; raises LaunchError when Aider would go around us."""
        lazy = importlib.import_module("aider.llm").litellm
        wrap(type(lazy), "_load_litellm", self._stay_offline)
        for name in ("completion", "transcription"):
            setattr(lazy, name, self._pinned(lazy, name))
        for module in ("aider.models", "aider.coders.base_coder", "aider.voice"):
            if importlib.import_module(module).litellm is not lazy:
                raise LaunchError(
                    "Aider was not started: its requests cannot be kept on this machine",
                    f"{module} calls a model in a way this launcher does not know",
                    "reinstall aider-chat",
                )

    def arguments(self, given: dict[str, Any]) -> dict[str, Any]:
        """The arguments of a litellm call as they must be."""
        pinned = {name: value for name, value in given.items() if name not in ROUTING}
        pinned["api_base"] = self._spec.api_base
        pinned["api_key"] = self._spec.token
        # The shim retries upstreams itself; a second layer here would multiply the waiting.
        pinned["max_retries"] = 0
        headers = dict(given.get("extra_headers") or {})
        pinned["extra_headers"] = {**headers, **self._turns.new_request()}
        return pinned

    def _pinned(self, lazy: Any, name: str) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            lazy._load_litellm()
            check_text(lazy._lazy_module, kwargs)
            return getattr(lazy._lazy_module, name)(*args, **self.arguments(kwargs))

        return call

    @staticmethod
    def _stay_offline(load: Any) -> Any:
        def load_offline(lazy: Any) -> None:
            load(lazy)
            # For some model names litellm downloads a tokenizer just to count tokens.
            lazy._lazy_module.disable_hf_tokenizer_download = True

        return load_offline


def check_text(litellm: Any, given: dict[str, Any]) -> None:
    """Text that is no UTF-8, such as the name of a file, cannot be sent.

    litellm would call that a broken provider, and Aider would try again for a minute.
    """
    for message in given.get("messages") or ():
        text = str(message.get("content") or "")
        # One mark first: a pattern for the word around it takes minutes on one long line.
        bad = re.search(r"[\ud800-\udfff]", text)
        if bad:
            before, after = text[: bad.start()], text[bad.start() :]
            word = re.split(r"\s", before)[-1] + re.split(r"\s", after, maxsplit=1)[0]
            shown = word.encode("utf-8", "backslashreplace").decode()
            raise litellm.BadRequestError(
                message=f"\n\n  Lodestar cannot send this: `{shown}` is not valid UTF-8\n"
                "  rename the file, or take it out of the chat with /drop\n",
                model=str(given.get("model")),
                llm_provider="lodestar",
            )

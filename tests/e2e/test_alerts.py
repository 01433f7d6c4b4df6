"""An alert as the user of `lodestar code` sees it."""

from __future__ import annotations

import json

from tests.e2e.conftest import FakedMachine
from tests.e2e.screen import open_screen

RESTORE = "\x1b[23;2t"


def test_an_alert_is_above_the_prompt_after_the_turn_and_in_the_title(
    faked: FakedMachine,
) -> None:
    faked.upstream.usage = {"prompt_tokens": 1, "completion_tokens": 400, "total_tokens": 401}
    server = {"provider": "openai", "model": "m", "api_base": faked.upstream.url}
    paid = {"billing": "payg", "price_in": 0, "price_out": 1500, "tier": 3, "max_output": 400}
    models = {"dear": {**server, **paid}, "cheap": {**server, "billing": "free"}}
    faked.config(json.dumps({"main": "dear", "weak": "cheap", "models": models}))
    assert faked.run("budget", "set", "--daily", "0.72").returncode == 0
    with open_screen(faked, "--no-rating", "--yes-always", "hello.py") as terminal:
        terminal.wait("PAID dear")
        terminal.send("rename it\r")
        terminal.wait("[lodestar] 83 % of the daily limit: $0.60 of $0.72 used")
        terminal.wait_raw(": 83 % of the daily limit\x07")
        text = terminal.text
        assert text.index("Commit ") < text.index("83 % of the daily limit: ")
        terminal.send("/exit\r")
        assert terminal.exit_code() == 0
        assert terminal.is_as_before()
        assert terminal.raw.count(RESTORE) == 1
    assert terminal.text.count("% of the daily limit: ") == 1
    listed = faked.run("budget", "alerts").stdout.splitlines()
    assert [line.split("\t")[3] for line in listed[1:]] == ["80 %", "50 %"]

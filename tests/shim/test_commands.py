"""The slash commands that the shim serves: core's own, and those of modules that go wrong."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.shim_client import Shim, config
from tests.fakes.upstream import Upstream

PROGRAM = Path(__file__).parents[1] / "fakes" / "odd_commands_shim.py"
CORE = {"free", "paid", "up", "down", "extend", "why", "escalate"}


class Commanded(Shim):
    """A supervised session with a free model and a paid one."""

    def __init__(
        self, home: Path, upstream: Upstream, limits: Mapping[str, Any], **more: Any
    ) -> None:
        server = {"provider": "openai", "model": "fake-model", "api_base": upstream.url}
        price = {"billing": "payg", "price_in": 3, "price_out": 15, "tier": 3, "max_output": 100}
        models = {"mine": {**server, "billing": "free"}, "dear": {**server, **price}}
        models["keyless"] = {**models["dear"], "key_env": "NO_SUCH_KEY_ANYWHERE"}
        far = {"api_base": "https://api.openai.com/v1", "key_env": "OPENAI_API_KEY"}
        models["far"] = {**models["dear"], **far}
        once = {"retries": 0}
        settings = {"main": "mine", "weak": "mine", "models": models, "routing": once, **more}
        config(home, json.dumps({**settings, "timezone": "Europe/Berlin", "tier_ceiling": 3}))
        spec = home / "shim.json"
        flags = {f"limits.{name}": value for name, value in limits.items()}
        who = {"session": "01JZZZZZZZZZZZZZZZZZZZZZZZ", "token": "t" * 20, "owner": os.getpid()}
        clock = {
            "started": time.clock_gettime(time.CLOCK_BOOTTIME),
            "awake": time.clock_gettime(time.CLOCK_MONOTONIC),
        }
        spec.write_text(json.dumps({**who, **clock, "folder": str(home), "flags": flags}))
        program = [sys.executable, "-I", str(PROGRAM), "--home", str(home), "--spec", str(spec)]
        super().__init__(home, command=program, env={"LODESTAR_HOME": str(home)})

    def listed(self) -> dict[str, dict[str, Any]]:
        """The commands by name."""
        status, _, body = self.request("GET", "/lodestar/v1/commands")
        assert status == 200
        return {one["name"]: one for one in json.loads(body)["commands"]}

    def run(self, name: str, argument: str = "", **more: Any) -> dict[str, Any]:
        """One command that is answered."""
        body = {"argument": argument, **more}
        status, _, answer = self.request("POST", f"/lodestar/v1/commands/{name}", body)
        assert status == 200, answer
        return dict(json.loads(answer))

    def refusal(self, name: str, argument: Any = "") -> list[str]:
        """The lines of one command that is refused."""
        body = {"argument": argument}
        status, _, answer = self.request("POST", f"/lodestar/v1/commands/{name}", body)
        assert status in (400, 404), answer
        lines = json.loads(answer)["error"]["message"].splitlines()
        return [line.strip() for line in lines if line.strip()]

    def ask(self, model: str = "mine", kind: str = "edit", **headers: str) -> None:
        """One message of the user that is answered."""
        assert self.chat(model, headers={"X-Lodestar-Kind": kind, **headers})[0] == 200

    def tell(self, kind: str, **fields: Any) -> None:
        """An event of the launcher."""
        event = {"id": f"{kind}{time.monotonic_ns()}", "type": kind, "ts_ms": 1, **fields}
        assert self.request("POST", "/lodestar/v1/events", {"events": [event]})[0] == 204

    def ratings(self) -> list[tuple[Any, ...]]:
        """What was said of answers, in order."""
        sql = "SELECT verdict, reason, comment, source FROM ratings ORDER BY id"
        return [tuple(row.values()) for row in self.rows(sql)]


@pytest.fixture
def shim(tmp_path: Path, upstream: Upstream) -> Iterator[Commanded]:
    """A session of an hour."""
    upstream.clear()
    with Commanded(tmp_path, upstream, {"session_minutes": 60}) as running:
        yield running


@pytest.fixture
def free_only(tmp_path: Path, upstream: Upstream) -> Iterator[Commanded]:
    """A session without a time limit in which nothing is paid."""
    upstream.clear()
    with Commanded(tmp_path, upstream, {"free_only": True}) as running:
        yield running


def test_core_and_modules_serve_commands_and_a_broken_one_hurts_nobody(shim: Commanded) -> None:
    found = shim.listed()
    assert {*CORE, "echo", "crash", "usage", "budget"} <= set(found)
    assert "../Up" not in found
    assert found["free"]["help"] == "Go on with the free model"
    assert found["echo"]["words"] == ["one", "two"]
    assert found["wordless"]["words"] == []
    assert found["dirty"]["help"] == "Write control characters"
    assert "dear" in found["paid"]["words"]
    assert "mine" not in found["paid"]["words"]
    assert all(one["help"] for one in found.values())
    crashed = shim.refusal("crash")
    assert crashed == ["/crash failed; details are in Lodestar's log: logs/shim.log"]
    assert "a detail for the log" in (shim.home / "logs" / "shim.log").read_text("utf-8")
    assert "failed" in shim.refusal("mute")[0]
    assert shim.refusal("refuse") == ["it is not to be", "the module says so", "ask another one"]
    dirty = shim.run("dirty")
    assert dirty["lines"] == ["red and bell", "  indented"]
    assert dirty["question"] == "really?"
    assert shim.refusal("nothing") == ["there is no command /nothing", "see /help"]


def test_what_follows_a_command_is_one_line_of_text_and_not_too_long(shim: Commanded) -> None:
    echoed = shim.run("echo", "a\x1b[2J\x00b\r\n\tc \ud83c é 雪", model="openai/dear")
    assert echoed["lines"] == ["ab c ? é 雪", "01JZZZZZZZZZZZZZZZZZZZZZZZ", "dear"]
    assert echoed["effect"] == {"model": "free"}
    assert shim.refusal("echo", "x" * 1001)[0] == "what follows the command is too long"
    assert shim.run("echo", "x" * 1000)["lines"][1]
    assert shim.refusal("echo", 5) == ["`argument` must be a text"]
    assert shim.request("POST", "/lodestar/v1/commands/echo", b"[1]")[0] == 400
    assert shim.request("POST", "/lodestar/v1/commands/echo", b"{")[0] == 400
    assert shim.request("GET", "/lodestar/v1/commands", headers={"Authorization": ""})[0] == 401


def test_the_last_answer_is_rated_and_rated_otherwise(shim: Commanded) -> None:
    assert shim.refusal("up")[0] == "this session has no answer yet"
    shim.ask()
    shim.ask(kind="commit_message")
    (good,) = shim.run("up")["lines"]
    assert good.startswith("rated good: the edit by mine at ")
    assert shim.run("up")["lines"][0].startswith("rated good already: ")
    (bad,) = shim.run("down", "Wrong, the key is sk-ant-api03-" + "x" * 80)["lines"]
    assert bad.startswith("rated bad, wrong")
    assert "(was good)" in bad
    assert shim.run("down", "no idea \U0001f600")["lines"][0].startswith('rated bad "no idea 😀"')
    first, second, third = shim.ratings()
    assert first == ("good", None, None, "slash command")
    assert second[:2] == ("bad", "wrong")
    assert "sk-ant" not in second[2]
    assert third == ("bad", None, "no idea 😀", "slash command")
    rated = shim.rows("SELECT DISTINCT exchange_id FROM ratings")
    edit = shim.rows("SELECT id FROM exchanges WHERE kind = 'edit'")
    assert [row["exchange_id"] for row in rated] == [row["id"] for row in edit]


def test_why_tells_who_answered_and_what_became_of_it(shim: Commanded, upstream: Upstream) -> None:
    shim.ask(**{"X-Lodestar-Request": "r1"})
    said = shim.run("why")["lines"]
    assert said[0].startswith("the edit by mine at ")
    assert said[1:3] == ["asked for: mine", "answered by: mine (fake-model-2026), FREE"]
    assert said[3].startswith("because: you asked for it")
    assert said[4:] == [
        "cost: nothing, the model is free",
        "kept: nothing to keep: no edit came with it",
    ]
    shim.tell("apply", request="r1", edited=["a.py"], malformed=0, reflected=False)
    assert shim.run("why")["lines"][-1] == "kept: written to a.py, not committed"
    shim.tell("commit", request="r1", hash="abcdef0123", aider_edits=True)
    assert shim.run("why")["lines"][-1] == "kept: yes, as commit abcdef0"
    shim.tell("undo", request="r1", hash="abcdef0123")
    assert shim.run("why")["lines"][-1] == "kept: no, commit abcdef0 was taken back"
    shim.ask("openai/dear")
    said = shim.run("why")["lines"]
    assert "asked for: dear" in said
    assert "answered by: dear (fake-model-2026), PAID" in said
    assert any(line.startswith("paid because: you asked") for line in said)
    assert "cost: $0.0002" in said
    upstream.script("401")
    assert shim.chat("mine", headers={"X-Lodestar-Kind": "edit"})[0] == 400
    assert shim.run("why")["lines"][0].startswith("nobody answered: ")


def test_what_was_never_sent_was_neither_answered_nor_paid(shim: Commanded) -> None:
    status, _, body = shim.chat("far", headers={"X-Lodestar-Kind": "edit"})
    message = json.loads(body)["error"]["message"]
    assert status == 400
    assert "there is no key for `far`" in message
    # litellm writes the name of its proxy over each OPENAI that it shows.
    assert "OPENAI" not in message
    assert "lodestar keys set far" in message
    shim.wait_row("SELECT 1 FROM exchanges WHERE requested_alias = 'far' AND status <> 'open'")
    said = shim.run("why")["lines"]
    assert "not answered: far was tried last" in said
    assert "cost: nothing was charged" in said
    assert not [line for line in said if line.startswith(("answered by", "paid because"))]


def test_more_time_is_given_and_said(shim: Commanded) -> None:
    before = shim.rows("SELECT session_minutes FROM sessions")
    reply = shim.run("extend", "15m")
    assert reply["effect"] == {"minutes": "75"}
    assert reply["lines"][0].startswith("this session ends at ")
    assert "1 h 14 min left" in reply["lines"][0] or "1 h 15 min left" in reply["lines"][0]
    assert shim.run("extend", "5")["effect"] == {"minutes": "80"}
    assert shim.run("extend", "30s")["effect"] == {"minutes": "81"}
    assert shim.rows("SELECT session_minutes FROM sessions") != before
    assert shim.refusal("extend")[0] == "/extend needs a length of time"
    assert shim.refusal("extend", "soon")[0] == "`soon` is not a length of time"
    assert shim.refusal("extend", "2d")[0] == "a session is extended by 1 to 1440 minutes at once"
    assert shim.refusal("extend", "0m")[0].startswith("a session is extended by 1 to")


def test_the_price_is_said_before_a_paid_model_is_chosen(shim: Commanded) -> None:
    offered = {tuple(line.split(maxsplit=1)) for line in shim.run("paid")["lines"]}
    assert ("dear", "$3.00 in, $15.00 out per million tokens") in offered
    first = shim.run("paid", "dear", model="openai/mine")
    assert (first["question"], first["effect"]) == ("Go on with dear?", {})
    assert first["lines"] == ["dear: $3.00 in, $15.00 out per million tokens"]
    keyless = shim.run("paid", "keyless", model="openai/mine")["lines"]
    assert keyless[1].endswith("does not answer without: lodestar keys set keyless")
    shim.ask()
    said = shim.run("paid", "dear", model="openai/mine")["lines"]
    assert said[1].startswith("a message like your last one: under a cent for this message, ")
    done = shim.run("paid", "dear", confirmed=True, model="openai/mine")
    assert (done["question"], done["effect"]) == (None, {"model": "dear"})
    again = shim.run("paid", "dear", model="openai/dear")
    assert (again["question"], again["effect"]) == (None, {})
    assert shim.refusal("paid", "mine")[0] == "`mine` costs nothing"
    assert shim.refusal("paid", "deer")[::2] == [
        "there is no model called `deer`",
        "did you mean `dear`?",
    ]
    back = shim.run("free", model="openai/dear")
    assert (back["lines"], back["effect"]) == (["from now on mine: FREE"], {"model": "mine"})
    assert shim.run("free", model="openai/mine")["effect"] == {}


def test_what_is_closed_is_said_before_it_is_chosen(tmp_path: Path, upstream: Upstream) -> None:
    with Commanded(tmp_path, upstream, {"session_usd": 0}) as shim:
        lines = shim.run("paid", "dear")["lines"]
        assert lines[-1].startswith("just now it is closed: ")
        assert lines[-1].endswith("; a free model would answer")


def test_a_free_only_session_chooses_no_paid_model(free_only: Commanded) -> None:
    assert free_only.run("paid")["lines"][-1] == "this session is free only: none of them is asked"
    no = free_only.refusal("paid", "dear")
    assert no[0] == "`dear` is not asked: this session is free only"
    assert free_only.refusal("extend", "5m")[0] == "this session has no time limit"
    assert free_only.run("free", model="openai/dear")["effect"] == {"model": "mine"}


def test_a_module_that_is_switched_off_takes_its_commands_with_it(
    tmp_path: Path, upstream: Upstream
) -> None:
    off = {"usage_tracker": {"enabled": False}, "odd_commands": {"enabled": False}}
    with Commanded(tmp_path, upstream, {}, modules=off) as shim:
        assert set(shim.listed()) == CORE
        assert shim.refusal("usage")[0] == "there is no command /usage"
        shim.ask()
        assert "cost: nothing, the model is free" in shim.run("why")["lines"]

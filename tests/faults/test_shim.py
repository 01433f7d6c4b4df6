"""A running shim, whatever call of its database, its connections or its files fails.

Free work goes on, a paid request goes upstream only with a hold, whoever asks gets an answer or
an error in OpenAI's envelope, what went upstream is in the log, and the next request works.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fakes.shim import Answer, Shim, configure, rows
from tests.fakes.upstream import Upstream
from tests.faults.process import command, environment
from tests.faults.seams import FilePlan, rounds

TEXT = "Hello from the fake upstream."


@dataclass
class Place:
    """A shim with a seam that fails, and the server behind it."""

    shim: Shim
    plan: FilePlan
    upstream: Upstream

    def ask(self, alias: str) -> Answer | None:
        """One request; None where the connection broke."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.shim.chat(alias)
        return None

    def check_next(self, alias: str) -> None:
        """Nothing fails any more, so that the next request must work."""
        self.plan.disarm()
        answer = self.shim.chat(alias)
        assert (answer.status, answer.text) == (200, TEXT), answer.body

    def sent(self) -> set[str]:
        """The ids of the attempts that reached the server."""
        return {chat.headers["X-Request-Id"] for chat in self.upstream.chats}

    def held(self) -> set[str]:
        """The ids of the attempts in the log whose exchange has a hold."""
        sql = "SELECT a.id FROM attempts a JOIN holds h USING (exchange_id)"
        return {row["id"] for row in rows(self.shim.home, sql)}

    def logged(self) -> dict[str, str]:
        """Status by id of the attempts in the log."""
        return {row["id"]: row["status"] for row in rows(self.shim.home, "SELECT * FROM attempts")}


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """The seam that the test's parameter `seam` names."""
    home, folder = tmp_path / "home", tmp_path / "plan"
    folder.mkdir()
    plan = FilePlan(folder)
    program = command(request.getfixturevalue("seam"), plan, home, "lodestar_shim")
    with Upstream(text=TEXT) as upstream:
        configure(home, upstream.url)
        with Shim(home, tmp_path, program, environment(os.environ)) as shim:
            yield Place(shim, plan, upstream)


def _is_clear(answer: Answer) -> bool:
    """An error that a client of OpenAI understands, or the whole answer."""
    if answer.status == 200:
        return answer.text == TEXT
    return bool(json.loads(answer.body)["error"]["message"].strip())


@pytest.mark.parametrize("seam", ["database"])
def test_no_bookkeeping_that_fails_costs_a_free_answer(place: Place, seam: str) -> None:
    place.check_next("free-model")
    for number in rounds(place.plan):
        answer = place.shim.chat("free-model")
        assert (answer.status, answer.text) == (200, TEXT), f"{number}: {answer.body}"
        place.check_next("free-model")
        assert place.sent() <= set(place.logged()), number


@pytest.mark.parametrize("seam", ["database"])
@pytest.mark.parametrize("after", [False, True])
def test_a_paid_request_goes_upstream_with_a_hold_or_not_at_all(
    place: Place, seam: str, after: bool
) -> None:
    place.check_next("paid-model")
    for number in rounds(place.plan, after):
        answer = place.shim.chat("paid-model")
        assert _is_clear(answer), f"{number}: {answer.body}"
        place.check_next("paid-model")
        assert place.sent() <= place.held(), number


@pytest.mark.parametrize("seam", ["database"])
def test_every_hold_that_was_settled_has_one_charge(place: Place, seam: str) -> None:
    for _ in rounds(place.plan):
        place.ask("paid-model")
    place.shim.stop()
    wrong = """
        SELECT h.id, h.state, count(c.id) AS charges FROM holds h
        LEFT JOIN charges c ON c.hold_id = h.id GROUP BY h.id
        HAVING charges != (h.state IN ('posted', 'orphan'))
    """
    assert not rows(place.shim.home, wrong)


@pytest.mark.parametrize("seam", ["sockets"])
@pytest.mark.parametrize("alias", ["free-model", "paid-model"])
def test_a_connection_that_breaks_ends_one_request_and_is_in_the_log(
    place: Place, seam: str, alias: str
) -> None:
    place.check_next(alias)
    broken = 0
    for number in rounds(place.plan):
        answer = place.ask(alias)
        broken += answer is None or answer.status != 200
        assert answer is None or _is_clear(answer) or answer.status == 200, number
        place.check_next(alias)
        assert place.sent() <= set(place.logged()), number
    assert broken
    place.shim.stop()
    assert "open" not in place.logged().values()

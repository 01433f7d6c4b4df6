"""A command that Aider's own prompt started knows its session, and takes no token for a key."""

from __future__ import annotations

import pytest

from lodestar.running import forget_token, running_session

SESSION = "01JZZZZZZZZZZZZZZZZZZZZZZZ"


@pytest.mark.parametrize(
    "value", ["", "x", SESSION.lower(), SESSION + "0", f"{SESSION}\n", "%' --"]
)
def test_what_is_no_session_id_names_no_session(value: str) -> None:
    assert running_session({"LODESTAR_SESSION": value}) is None
    assert running_session({"LODESTAR_SESSION": SESSION}) == SESSION


def test_in_a_session_the_shims_token_is_nobodys_key() -> None:
    given = {"LITELLM_PROXY_API_KEY": "t", "OPENAI_API_KEY": "t", "XAI_API_KEY": "mine"}
    inside = {**given, "LODESTAR_SESSION": SESSION}
    forget_token(inside)
    assert inside == {"XAI_API_KEY": "mine", "LODESTAR_SESSION": SESSION}
    outside = dict(given)
    forget_token(outside)
    assert outside == given

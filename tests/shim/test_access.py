"""Who may talk to the shim."""

from __future__ import annotations

import json

import pytest

from tests.fakes.shim_client import Shim
from tests.fakes.upstream import Upstream


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": ""}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": "Bearer \u00e9"}, 401),
        ({"Host": "evil.example"}, 421),
        ({"Host": "evil.example:80"}, 421),
        ({"Origin": "https://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Content-Type": "text/plain"}, 415),
    ],
)
def test_strangers_are_refused_before_anything_is_sent(
    shim: Shim, upstream: Upstream, headers: dict[str, str], status: int
) -> None:
    answer = shim.chat(headers=headers)
    assert answer[0] == status
    assert json.loads(answer[2])["error"]["type"] == "invalid_request_error"
    assert not [name for name in answer[1] if name.lower().startswith("access-control")]
    assert not upstream.chats


def test_other_methods_and_paths_do_not_exist(shim: Shim) -> None:
    assert shim.request("OPTIONS", "/v1/chat/completions")[0] == 405
    assert shim.request("GET", "/v1/nothing")[0] == 404


def test_healthz_needs_no_token(shim: Shim) -> None:
    assert shim.request("GET", "/healthz", headers={"Authorization": ""})[0] == 200

"""A shim with several models, each at a fake upstream of its own, to see where requests go."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from tests.fakes.shim_client import Shim, config
from tests.fakes.upstream import Upstream

PRICES = {"billing": "payg", "price_in": 3, "price_out": 15}


def entry(url: str, tier: int = 1, **more: Any) -> dict[str, Any]:
    """A model at `url`: free in tier 1, paid above it."""
    price = PRICES if tier > 1 else {"billing": "free"}
    return {"provider": "openai", "model": f"m{tier}", "api_base": url, "tier": tier, **price,
            **more}  # fmt: skip


def models(local: Upstream, paid: Upstream, **more: Any) -> dict[str, Any]:
    """A free model at `local`, and paid ones of tier 2 and 4 at `paid`."""
    return {
        "local-coder": entry(local.url, context=1024, max_output=64),
        "mid": entry(paid.url, 2, context=16000, max_output=1000),
        "top": entry(paid.url, 4, context=200000, max_output=1000),
        **more,
    }


class Routed(Shim):
    """Its models and settings are the test's; pauses between tries are as ever."""

    def __init__(
        self,
        home: Path,
        models: dict[str, Any],
        limits: dict[str, float] | None = None,
        limits_: dict[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        main = next(iter(models))
        # What it knows of health is not what these tests are about.
        off = {"health_monitor": {"enabled": False}}
        money = {"limits": limits_} if limits_ else {}
        rest = {"main": main, "weak": main, "modules": off, **money, **settings}
        config(home, json.dumps({**rest, "models": models}))
        super().__init__(home, env={**os.environ, "LODESTAR_HOME": str(home)}, limits=limits)

    def error(self, model: str = "auto", **body: Any) -> dict[str, Any]:
        """One chat that is refused: its error."""
        status, _, answer = self.chat(model, **body)
        assert status == 400, answer
        return dict(json.loads(answer)["error"])

    def served(self, model: str = "auto", **body: Any) -> str:
        """One chat that is answered: by which model."""
        status, headers, answer = self.chat(model, **body)
        assert status == 200, answer
        return str(headers["X-Lodestar-Model"])

    def tried(self) -> list[tuple[str, str, str]]:
        """Alias, reason and end of each attempt of the newest exchange, once it is closed."""
        self.wait_row("SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM exchanges WHERE status = 'open')")
        sql = (
            "SELECT a.* FROM attempts a WHERE exchange_id = (SELECT max(id) FROM exchanges)"
            " ORDER BY number"
        )
        return [(row["alias"], row["reason"], row["status"]) for row in self.rows(sql)]

    def notices(self) -> list[str]:
        """What the user is shown so far."""
        poll = json.loads(self.request("GET", "/lodestar/v1/poll?after=0")[2])
        return [notice["text"] for notice in poll["notices"]]

"""The sessions that run, each with its shim, and the shims that run alone."""

from __future__ import annotations

import http.client
import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lodestar.clock import now_ms
from lodestar.durations import duration_text
from lodestar.paths import Home
from lodestar.status.part import Line, Seen
from lodestar.store.processes import runs
from lodestar.store.sessions import boot_id
from lodestar.store.store import Store
from lodestar.supervisor import alone

ANSWER_S = 1.0


def sessions(home: Home, store: Store) -> Seen:
    """Sessions of `lodestar code` whose process is there."""
    rows = store.rows(
        "SELECT s.id, s.pid, s.profile, s.branch, s.started_ms, p.name AS project, p.root"
        " FROM sessions s LEFT JOIN projects p ON p.id = s.project_id"
        " WHERE s.ended_ms IS NULL AND s.boot_id = ? ORDER BY s.started_ms",
        (boot_id(),),
    )
    alone_ones = {one.session for one in alone.running(home)}
    found = [
        {**dict(row), "shim": shim(home.root / "run" / row["id"])}
        for row in rows
        if row["id"] not in alone_ones and row["pid"] and runs(row["pid"])
    ]
    return Seen([_line(one) for one in found] or [Line("none", "off")], found)


def shims(home: Home) -> Seen | None:
    """Shims for other programs; None where there are none."""
    found = [_alone(one) for one in alone.running(home)]
    return Seen([_alone_line(one) for one in found], found) if found else None


def shim(folder: Path) -> dict[str, Any] | None:
    """The shim of a session: its address, and how long it takes to say that it is there."""
    try:
        url = json.loads((folder / "launcher.json").read_text("utf-8"))["shim_url"]
        port = urlsplit(url).port
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return {"url": url, "answers_ms": _answers_ms(port)} if port else None


def _answers_ms(port: int) -> int | None:
    """How long /healthz takes; None where it does not answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_S)
    began = time.monotonic()
    try:
        connection.request("GET", "/healthz")
        if connection.getresponse().status != 200:
            return None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return max(1, round((time.monotonic() - began) * 1000))


def _line(one: dict[str, Any]) -> Line:
    branch = f" ({one['branch']})" if one["branch"] else ""
    age = duration_text((now_ms() - one["started_ms"]) / 1000)
    where = one["project"] or "no project"
    text = f"{where}{branch}, profile {one['profile']}, pid {one['pid']}, for {age}"
    found = one["shim"]
    if found is None:
        return Line(f"{text}; its shim is not known", "warn")
    if found["answers_ms"] is None:
        return Line(f"{text}; its shim at {found['url']} does not answer", "fail")
    place = found["url"].removeprefix("http://")
    return Line(f"{text}; shim {place} ({found['answers_ms']} ms)")


def _alone(one: alone.Alone) -> dict[str, Any]:
    return {
        "pid": one.pid,
        "url": one.url,
        "since_ms": one.since_ms,
        "background": one.background,
        "folder": one.folder,
        "answers_ms": _answers_ms(one.port),
    }


def _alone_line(one: dict[str, Any]) -> Line:
    age = duration_text((now_ms() - one["since_ms"]) / 1000)
    text = f"{one['url']}, pid {one['pid']}, for {age}"
    if one["answers_ms"] is None:
        return Line(f"{text}; it does not answer", "fail")
    return Line(f"{text} ({one['answers_ms']} ms)")

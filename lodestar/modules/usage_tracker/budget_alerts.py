"""`lodestar budget alerts`: what was told so far, and a sample to see that it arrives."""

from __future__ import annotations

from typing import Any

from lodestar.cli.output import note, print_json, print_table
from lodestar.clock import local_text, now_ms, zone
from lodestar.loading import Context
from lodestar.modules.usage_tracker import alert_delivery, alert_log, alert_text, windows
from lodestar.modules.usage_tracker.alert_log import Alert
from lodestar.modules.usage_tracker.alert_settings import WHERE, parsed
from lodestar.modules.usage_tracker.budget_bars import label
from lodestar.modules.usage_tracker.budget_scope import ledger, project_names
from lodestar.modules.usage_tracker.budget_text import amount_text, exact_amount, iso
from lodestar.modules.usage_tracker.comparison import module_settings
from lodestar.modules.usage_tracker.limits import Limit
from lodestar.modules.usage_tracker.standing import Standing
from lodestar.money import NANO

COLUMNS = ("when", "limit", "source", "threshold", "spent", "amount", "session", "told")


def show(context: Context, json: bool, limit: int) -> None:
    """Print the newest alerts."""
    with ledger(context) as store, store.read() as connection:
        found = alert_log.newest(connection, limit)
        names = project_names(store)
    zone_name = context.settings.timezone
    if json:
        here = zone(zone_name)
        data = [_plain(alert, names, here) for alert in found]
        print_json("budget-alerts", data, tz=zone_name)
        return
    print_table(COLUMNS, [_row(alert, names, zone_name) for alert in found])


def test(context: Context, json: bool) -> int:
    """Send a sample to the desktop and the user's program; the exit code says if it arrived."""
    chosen = parsed(module_settings(context.settings).get("alerts"))
    for wrong in chosen.problems:
        note(f"warning: {wrong}")
    here = zone(context.settings.timezone)
    alert, standing = _sample(here)
    where = {"session": None, "project": str(context.project.root)}
    data = {**alert_text.plain(alert, standing, here), **where, "test": True}
    results: dict[str, str] = {"desktop": "off", "command": "off"}
    failed = False
    for name, command, stdin in alert_delivery.programs(chosen, data):
        problem = alert_delivery.run(command, stdin)
        failed = failed or problem is not None
        results[name] = problem or "told"
    if json:
        print_json("alert-test", {**results, "alert": data})
    else:
        for name, result in results.items():
            off = f"off ({WHERE}.{name} in config.yaml)"
            note(f"{name}: {off if result == 'off' else result}")
    return int(failed or bool(chosen.problems))


def _sample(here: Any) -> tuple[Alert, Standing]:
    now = now_ms()
    limit = Limit("day", "usd", 2 * NANO, "downgrade", "budget")
    standing = Standing(limit, 162 * NANO // 100, 0, *windows.bounds("day", now, here))
    text = f"a test: {alert_text.sentence(standing, 80, None, now, here)}"
    key = alert_log.key_of(limit, "")
    start = standing.start_ms or 0
    return Alert(
        key, start, 80, "usd", standing.spent, limit.amount, None, None, text, now
    ), standing


def _row(alert: Alert, names: Any, zone_name: str | None) -> list[str]:
    unit = alert.limit.unit
    return [
        local_text(alert.created_ms, zone_name),
        label(alert.limit, names),
        alert.source,
        f"{alert.threshold} %",
        amount_text(alert.spent, unit),
        amount_text(alert.amount, unit),
        (alert.session or "")[-8:].lower(),
        "yes" if alert.text else "no, a higher one was",
    ]


def _plain(alert: Alert, names: Any, here: Any) -> dict[str, Any]:
    key = alert.limit
    projected = None if alert.projected is None else exact_amount(alert.projected, key.unit)
    return {
        "at": iso(alert.created_ms, here),
        "window": key.window,
        "window_start": iso(alert.window_start_ms, here) if alert.window_start_ms else None,
        "unit": key.unit,
        "project": names.get(key.project) if key.project else None,
        "model": key.alias,
        "source": alert.source,
        "threshold": alert.threshold,
        "spent": exact_amount(alert.spent, key.unit),
        "amount": exact_amount(alert.amount, key.unit),
        "projected": projected,
        "session": alert.session,
        "text": alert.text or None,
    }

"""NVIDIA graphics cards, where there are any: asked through the driver's own program."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

FIELDS = ("name", "utilization.gpu", "memory.used", "memory.total", "temperature.gpu")
TIMEOUT_S = 3.0
MIB = 1 << 20


def cards(timeout_s: float = TIMEOUT_S) -> list[dict[str, Any]]:
    """One entry a card; empty where there is no card, no driver, or no answer in time."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    command = [program, f"--query-gpu={','.join(FIELDS)}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        # A driver that hangs must not make the status hang.
        return []
    lines = done.stdout.splitlines() if done.returncode == 0 else []
    return [card for line in lines if (card := _card(line))]


def line(card: dict[str, Any]) -> str:
    """A card in words."""
    busy = "" if card["busy_percent"] is None else f"{card['busy_percent']} % busy"
    memory = ""
    if card["memory_used"] is not None and card["memory_total"]:
        memory = f"{card['memory_used'] / 1e9:.1f} of {card['memory_total'] / 1e9:.1f} GB used"
    heat = "" if card["celsius"] is None else f"{card['celsius']} °C"
    return f"{card['name']}: {', '.join(filter(None, (busy, memory, heat))) or 'no figures'}"


def _card(text: str) -> dict[str, Any] | None:
    # The name comes first and may hold a comma; the figures do not.
    parts = [part.strip() for part in text.rsplit(",", len(FIELDS) - 1)]
    if len(parts) != len(FIELDS) or not parts[0]:
        return None
    busy, used, total, heat = (int(part) if part.isdecimal() else None for part in parts[1:])
    return {
        "name": parts[0],
        "busy_percent": busy,
        "memory_used": None if used is None else used * MIB,
        "memory_total": None if total is None else total * MIB,
        "celsius": heat,
    }

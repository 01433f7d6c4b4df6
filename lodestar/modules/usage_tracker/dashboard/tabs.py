"""The tabs, in their order."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lodestar.modules.usage_tracker.dashboard.budgets import budgets
from lodestar.modules.usage_tracker.dashboard.groups import models, projects
from lodestar.modules.usage_tracker.dashboard.now import now
from lodestar.modules.usage_tracker.dashboard.page import Page
from lodestar.modules.usage_tracker.dashboard.trends import trends
from lodestar.modules.usage_tracker.dashboard.verdict import quality
from lodestar.modules.usage_tracker.dashboard.view import View

TABS: Mapping[str, Callable[[View], Page]] = {
    "now": now,
    "budgets": budgets,
    "models": models,
    "projects": projects,
    "trends": trends,
    "quality": quality,
}
COUNTED = ("models", "projects", "trends", "quality")
"""These say what became of the answers."""
PERIODS = ("today", "week", "month", "year", "all")

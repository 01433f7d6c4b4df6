"""Charts as SVG that needs nothing else: no script, no font, no address. Colours are the page's."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

COLOURS = 6
HEIGHT, WIDTH = 280, 900
_SVG = "http://www.w3.org/2000/svg"
Series = Mapping[str, Sequence[float | None]]
"""Values by the name of a series, one for each label; None leaves a gap."""


def bars(labels: Sequence[str], series: Series, unit: str) -> str:
    """Stacked bars, one for each label. `unit` is `$` or `%`, or empty."""
    pygal = _library()
    return _drawn(pygal.StackedBar(**_options(labels, unit)), labels, series)


def lines(labels: Sequence[str], series: Series, unit: str) -> str:
    """A line for each series, with gaps where nothing is known."""
    pygal = _library()
    options = {**_options(labels, unit), "show_dots": True, "dots_size": 4, "stroke": True}
    return _drawn(pygal.Line(**options, allow_interruptions=True), labels, series)


def _library() -> Any:
    """pygal, without its finder of maps: Python warns of that at each later import."""
    import pygal

    sys.meta_path[:] = [f for f in sys.meta_path if not isinstance(f, pygal.PluginImportFixer)]
    return pygal


def _drawn(chart: Any, labels: Sequence[str], series: Series) -> str:
    chart.x_labels = list(labels)
    for name, values in series.items():
        chart.add(name, list(values))
    tree = chart.render_tree()
    for parent in list(tree.iter()):
        for child in list(parent):
            # A comment's tag is a function. Titles and descriptions would show on hovering.
            tag = child.tag.rsplit("}", 1)[-1] if isinstance(child.tag, str) else None
            if tag in (None, "script", "desc") or (tag == "title" and parent is tree):
                parent.remove(child)
    # What is in it stands as a table beside it.
    tree.set("aria-hidden", "true")
    tree.set("focusable", "false")
    return ElementTree.tostring(tree, encoding="unicode")


def _options(labels: Sequence[str], unit: str) -> dict[str, Any]:
    from pygal.style import Style

    style = Style(
        background="transparent",
        plot_background="transparent",
        foreground="var(--ink)",
        foreground_strong="var(--ink)",
        foreground_subtle="var(--line)",
        guide_stroke_color="var(--line)",
        major_guide_stroke_color="var(--line)",
        guide_stroke_dasharray="none",
        major_guide_stroke_dasharray="none",
        colors=tuple(f"var(--c{number})" for number in range(1, COLOURS + 1)),
        font_family="inherit",
        label_font_size=12,
        legend_font_size=13,
        opacity="1",
        opacity_hover=".8",
        transition="0s",
    )
    return {
        "js": (),
        "style": style,
        "width": WIDTH,
        "height": HEIGHT,
        "disable_xml_declaration": True,
        "legend_at_bottom": True,
        "truncate_legend": -1,
        "show_minor_x_labels": False,
        "x_labels_major_every": max(1, len(labels) // 12),
        "truncate_label": -1,
        "value_formatter": _formatter(unit),
        "include_x_axis": True,
        "no_data_text": "",
        "margin": 8,
        "spacing": 8,
        "y_labels_major_count": 5,
        "show_minor_y_labels": False,
    }


def _formatter(unit: str) -> Any:
    def text(value: float) -> str:
        if unit == "$":
            return f"${value:,.2f}"
        return f"{value:.0f}%" if unit == "%" else f"{value:,.0f}"

    return text

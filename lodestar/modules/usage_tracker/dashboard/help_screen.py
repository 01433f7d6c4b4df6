"""What the keys do and what the figures are."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Footer, Static

TEXT = """\
Keys
  1 to 6    a tab; Tab and Shift-Tab: the next, the one before
  arrows    move in a table, or scroll; with Shift the lines above a table
  Enter     Now: open the exchange. Models, Projects: filter by this one
  p         the next period: today, week, month, year, all
  /         filter: part of a project, model, branch or tag, or several;
            project=NAME where a name could be two things; empty shows all
  r         read again at once; the figures follow the ledger by themselves
  q         leave (also Ctrl-C)

Figures
  cash      what was billed
  list      what it would cost by the list price
  avoided   what free work would have cost on the model it is compared with
  kept      changes that were committed and neither undone nor reverted
  -         not known; it is no zero

They are never added up. A period ends today; week begins on Monday.
The same as text, for scripts: lodestar dashboard --once TAB; lodestar usage
"""


class HelpScreen(Screen[None]):
    """Text, until it is left."""

    CSS = "HelpScreen VerticalScroll { padding: 0 1; } HelpScreen Static { height: auto; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,backspace,question_mark", "app.up", "Back", key_display="esc"),
    ]

    def compose(self) -> ComposeResult:
        """The text and the keys."""
        with VerticalScroll():
            yield Static(TEXT, markup=False)
        yield Footer(compact=True, show_command_palette=False)

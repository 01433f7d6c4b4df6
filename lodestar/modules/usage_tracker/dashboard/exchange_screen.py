"""One exchange on a screen of its own."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Footer, RichLog, Static

from lodestar.modules.usage_tracker.dashboard.exchange import Told

SECTIONS = ("facts", "answer", "diff", "prompt")
_STYLES = {"+": "bold", "-": "dim", "@": "cyan"}


class ExchangeScreen(Screen[None]):
    """What was asked, answered and committed; `show` may be called again with more."""

    CSS = """
    ExchangeScreen #name { height: 1; text-style: bold; padding: 0 1; }
    ExchangeScreen RichLog { height: 1fr; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,backspace,left", "app.up", "Back", key_display="esc"),
        Binding("a", "jump('answer')", "Answer"),
        Binding("d", "jump('diff')", "Diff"),
        Binding("p", "jump('prompt')", "Prompt"),
        Binding("home,f", "jump('facts')", "Facts", show=False),
        Binding("slash", "nothing", show=False),
    ]

    def __init__(self, id: str) -> None:
        super().__init__()
        self.exchange = id
        self._told: Told | None = None
        self._diff: str | None = None
        self._places: dict[str, int] = {}

    def compose(self) -> ComposeResult:
        """Its name, its text, the keys."""
        yield Static(f"exchange {self.exchange}", id="name", markup=False)
        yield RichLog(wrap=True, markup=False, highlight=False, min_width=1, auto_scroll=False)
        yield Footer(compact=True, show_command_palette=False)

    def show(self, told: Told | None, diff: str | None) -> None:
        """Draw what is known of it by now."""
        self._told, self._diff = told, diff
        self._draw(gone=told is None)

    def on_resize(self) -> None:
        """Wrap anew."""
        self.call_after_refresh(self._draw)

    def action_jump(self, section: str) -> None:
        """Scroll to a part."""
        self.query_one(RichLog).scroll_to(y=self._places.get(section, 0), animate=False)

    def action_nothing(self) -> None:
        """Here is nothing to filter."""

    def _draw(self, gone: bool = False) -> None:
        log = self.query_one(RichLog)
        if not log.size.width or (self._told is None and not gone):
            return
        at = log.scroll_offset.y
        log.clear()
        if self._told is None:
            log.write(Text("this exchange is not in the log any more"))
            return
        parts = (self._told.facts, self._told.answer, self._diff, self._told.prompt)
        for name, text in zip(SECTIONS, parts, strict=True):
            self._places[name] = len(log.lines)
            if name != "facts":
                log.write(Text(f"\n{name.capitalize()} {'-' * 20}", style="bold"))
            log.write(_styled(text or "asking git ...", name))
        log.scroll_to(y=at, animate=False)


def _styled(text: str, section: str) -> Text:
    if section != "diff":
        return Text(text)
    styled = Text()
    for line in text.splitlines(keepends=True):
        styled.append(line, style=_STYLES.get(line[:1], ""))
    return styled

"""One answer for each wire format: shaped as the provider's, in words of our own; and its bill.

At 3, 15, 0.3 and 3.75 dollars a million tokens of input, output, cache read and cache write.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.fakes.wire import Got, head

FOLDER = Path(__file__).parent
TEXT = "A small answer of our own."
PRICES = {"price_in": 3, "price_out": 15, "price_cache_read": 0.3, "price_cache_write": 3.75}


@dataclass(frozen=True)
class Case:
    """What a provider counted in one answer, and what it costs.

    `input` includes what is cached, `output` the reasoning. `model` is litellm's name for the one
    that the translator asks.
    """

    name: str
    input: int
    output: int
    read: int | None
    written: int | None
    nano: int
    model: str | None = None

    def answer(self, got: Got) -> Iterator[bytes]:
        """The recorded answer, streamed if that is what was asked for."""
        stream = b'"stream":true' in got.raw.replace(b" ", b"") or "stream" in got.path.lower()
        file = FOLDER / self.name / ("stream.sse" if stream else "whole.json")
        yield head("text/event-stream" if stream else "application/json")
        # In pieces that keep to no line.
        data = file.read_bytes()
        yield from (data[start : start + 100] for start in range(0, len(data), 100))


CLAUDE = "anthropic/claude-sonnet-4-5-20250929"
CASES = [
    # 86 x 3000 + 1920 x 300 + 300 x 15000
    Case("openai", 2006, 300, 1920, None, 5_334_000),
    # 176 x 3000 + 1024 x 300 + 1400 x 15000: the output includes the reasoning
    Case("openai_reasoning", 1200, 1400, 1024, None, 21_835_200),
    # 160 x 3000 + 640 x 300 + (90 + 420) x 15000: the output leaves the reasoning out
    Case("xai", 800, 510, 640, None, 8_322_000),
    # 244 x 3000 + 256 x 300 + 960 x 15000: thoughts are in the total alone
    Case("gemini", 500, 960, 256, None, 15_208_800),
    # 600 x 3000 + 2000 x 300 + 400 x 3750 + 200 x 15000
    Case("openrouter", 3000, 200, 2000, 400, 6_900_000),
    # 92 x 3000 + 1408 x 300 + 700 x 15000
    Case("deepseek", 1500, 700, 1408, None, 11_198_400),
    # 388 x 3000 + 512 x 300 + 80 x 15000
    Case("moonshot", 900, 80, 512, None, 2_517_600),
    # 10 x 3000 + 1000 x 300 + 100 x 3750 + 55 x 15000
    Case("litellm_proxy", 1110, 55, 1000, 100, 1_530_000),
    # 33 x 3000 + 20 x 15000
    Case("ollama", 33, 20, None, None, 399_000),
    # 70 x 3000 + 25 x 15000
    Case("vllm", 70, 25, None, None, 585_000),
    # 21 x 3000 + 10240 x 300 + 2051 x 3750 + 340 x 15000: the input leaves the cached out
    Case("anthropic", 12_312, 340, 10_240, 2051, 15_926_250, CLAUDE),
    # 33 x 3000 + 4096 x 300 + 2100 x 15000: the output includes the thinking
    Case("anthropic_thinking", 4129, 2100, 4096, 0, 32_827_800, CLAUDE),
    # 400 x 3000 + 100 x 300 + 50 x 15000: nothing is counted at the start
    Case("anthropic_late", 500, 50, 100, None, 1_980_000, CLAUDE),
    # 244 x 3000 + 256 x 300 + 960 x 15000
    Case("gemini_native", 500, 960, 256, None, 15_208_800, "gemini/gemini-2.5-pro"),
]

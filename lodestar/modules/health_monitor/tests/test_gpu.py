"""Graphics cards, as NVIDIA's own program tells of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from lodestar.modules.health_monitor import gpu
from lodestar.modules.health_monitor.checks import full_cards


@pytest.fixture
def smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program of that name that is found first."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return tmp_path / "nvidia-smi"


def says(program: Path, text: str) -> None:
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o700)


def test_without_a_driver_there_is_no_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpu.cards() == []


def test_each_card_is_a_line(smi: Path) -> None:
    says(smi, 'echo "NVIDIA H100 80GB HBM3, 37, 10240, 81559, 41"\necho "Tesla, K80, 0, 1, 2, 3"')
    first, second = gpu.cards()
    assert first["memory_used"] == 10240 << 20
    assert gpu.line(first) == "NVIDIA H100 80GB HBM3: 37 % busy, 10.7 of 85.5 GB used, 41 °C"
    assert second["name"] == "Tesla, K80"


def test_the_question_is_one_that_the_program_understands(smi: Path, tmp_path: Path) -> None:
    says(smi, f'echo "$@" > {tmp_path}/asked')
    gpu.cards()
    asked = (tmp_path / "asked").read_text().split()
    assert asked == [
        "--query-gpu=name,utilization.gpu,memory.used,memory.total,temperature.gpu",
        "--format=csv,noheader,nounits",
    ]


def test_figures_that_a_card_does_not_give_are_left_out(smi: Path) -> None:
    says(smi, 'echo "Orin, [N/A], [N/A], [N/A], 50"')
    (card,) = gpu.cards()
    assert gpu.line(card) == "Orin: 50 °C"
    assert full_cards() == []


@pytest.mark.parametrize("text", ["exit 9", "echo nonsense", "echo", "exec sleep 60"])
def test_a_driver_that_fails_or_hangs_is_no_card(smi: Path, text: str) -> None:
    says(smi, text)
    assert gpu.cards(timeout_s=0.5) == []


def test_a_card_whose_memory_is_full_is_a_warning(smi: Path) -> None:
    says(smi, 'echo "A, 5, 960, 1000, 41"\necho "B, 5, 900, 1000, 41"')
    (problem,) = full_cards()
    assert problem.what == "the memory of A is full"
    assert problem.level == "warn"

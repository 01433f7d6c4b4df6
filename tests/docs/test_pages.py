"""The generated reference says what the program does; the README's tour runs as written."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from lodestar.cli import pages
from lodestar.settings import Settings
from tests.cli.shim_place import free_port
from tests.e2e.conftest import ANSWER, LODESTAR, Machine, machine  # noqa: F401 (a fixture)
from tests.fakes.shim_client import free_model
from tests.fakes.upstream import Upstream

ROOT = Path(__file__).parent.parent.parent
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")


@pytest.mark.parametrize("name", ["configuration.md", "hooks.md", "tables.md"])
def test_a_page_is_what_the_program_says(name: str) -> None:
    current = (ROOT / "docs" / "reference" / name).read_text("utf-8")
    assert current == pages.pages()[name], "run scripts/docs"


def test_every_setting_is_described() -> None:
    text = pages.pages()["configuration.md"]
    empty = [line for line in text.splitlines() if re.fullmatch(r"\| `.*\|\s+\|", line)]
    assert not empty
    assert all(f"`{name}" in text for name in Settings.model_fields)


@pytest.mark.parametrize(
    "page",
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("scripts/*.md")],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_no_link_is_dead(page: Path) -> None:
    dead = [
        link for link in LINK.findall(page.read_text("utf-8")) if not (page.parent / link).exists()
    ]
    assert not dead


def _blocks(page: str, name: str) -> str:
    """The shell blocks of a page that are marked to be run."""
    text = (ROOT / page).read_text("utf-8")
    found = re.findall(rf"<!-- run: {name} -->\n```bash\n(.*?)```", text, re.S)
    assert found
    return "\n".join(found)


def _run(machine: Machine, script: str, **environ: str) -> subprocess.CompletedProcess[str]:  # noqa: F811
    return subprocess.run(
        ["bash", "-c", f'set -e\nlodestar() {{ "{LODESTAR}" "$@"; }}\n{script}'],
        cwd=machine.project,
        env={**machine.environ, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_the_readmes_tour_runs_as_written(machine: Machine) -> None:  # noqa: F811
    machine.git("rm", "-q", "hello.py")
    machine.git("commit", "-qm", "an empty project")
    done = _run(machine, _blocks("README.md", "tour"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "def greet():" in machine.text()
    assert "demo model" in done.stdout


def test_the_page_on_models_runs_as_written(machine: Machine) -> None:  # noqa: F811
    file = ROOT / "shims" / "lodestar_engine" / "models" / "demo.gguf"
    done = _run(machine, _blocks("docs/how-to/models.md", "models"), GGUF=str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    listed = machine.run("models", "list").stdout
    assert "mine" in listed
    assert "fast" in listed
    assert "grok-4.3" in listed
    assert not {"big", "own"} & {line.split("\t")[1] for line in listed.splitlines()}
    assert "local-coder\tembedded engine\tyes" in done.stdout


def test_the_page_on_trust_runs_as_written(machine: Machine) -> None:  # noqa: F811
    done = _run(machine, _blocks("docs/how-to/trust.md", "trust"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "openai-api-base: http://example.org" in done.stdout
    assert "now\t+ .aider.conf.yml: test-cmd: make check" in done.stdout


def test_the_page_on_the_time_limit_runs_as_written(machine: Machine) -> None:  # noqa: F811
    done = _run(machine, _blocks("docs/how-to/time-limit.md", "time-limit"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "def greet():" in machine.text()
    lengths = machine.rows("SELECT session_minutes, end_reason FROM sessions")
    assert lengths == [{"session_minutes": 90, "end_reason": "ended"}]
    kept = (machine.home / "config.yaml").read_text("utf-8")
    assert "session_minutes: 120" in kept
    assert "idle_minutes: 30" in kept
    assert "count_suspend: false" in kept


def test_the_page_on_routing_runs_as_written(machine: Machine) -> None:  # noqa: F811
    done = _run(machine, _blocks("docs/how-to/routing.md", "routing"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "def greet():" in machine.text()
    reasons = machine.rows("SELECT reason FROM attempts WHERE reason LIKE 'auto%'")
    assert reasons == [{"reason": "auto: free first"}]
    kept = (machine.home / "config.yaml").read_text("utf-8")
    assert "gpt-4o-mini" in kept
    assert "escalate: ask" in kept


def test_the_page_on_budgets_runs_as_written(machine: Machine) -> None:  # noqa: F811
    done = _run(machine, _blocks("docs/how-to/budgets.md", "budgets"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "day: $2.00 -> $3.00 until 00:00" in done.stderr
    assert "paid models may be used" in done.stdout
    assert machine.rows("SELECT count(*) AS active FROM budgets WHERE active") == [{"active": 0}]


def test_the_page_on_data_runs_as_written(machine: Machine) -> None:  # noqa: F811
    with Upstream(text=ANSWER) as upstream:
        machine.config("main: fake\nweak: fake\n" + free_model(upstream.url))
        edit = ("--yes-always", "--no-rating", "hello.py", "--message", "rename hello to greet")
        assert machine.run("code", *edit).returncode == 0
    done = _run(machine, _blocks("docs/how-to/data.md", "data"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "lodestar.exchange/1" in (machine.project / "log.jsonl").read_text()
    assert "restored" in done.stderr
    assert machine.rows("SELECT * FROM exchanges") == []


def test_the_page_on_the_shim_runs_as_written(machine: Machine) -> None:  # noqa: F811
    port = free_port()
    script = _blocks("docs/how-to/shim.md", "shim").replace("4000", str(port))
    done = _run(machine, script, SHELL="/bin/bash")
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"object":"chat.completion"' in done.stdout.replace(" ", "")
    assert "# TYPE lodestar_overhead_seconds histogram" in done.stdout
    assert f"stopped the shim on port {port}" in done.stderr
    assert machine.processes("lodestar_shim") == []
    assert machine.rows("SELECT status, count(*) AS n FROM exchanges") == [{"status": "ok", "n": 1}]


def test_the_page_on_health_runs_as_written(machine: Machine) -> None:  # noqa: F811
    done = _run(machine, _blocks("docs/how-to/health.md", "health"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[ok]   a sound database" in done.stdout
    assert "Left out: keys and tokens" in done.stderr
    assert list(machine.project.glob("lodestar-doctor-*.zip"))
    assert '"lodestar.status/1"' in (machine.project / "status.json").read_text()
    assert "breaker_failures: 5" in (machine.home / "config.yaml").read_text()

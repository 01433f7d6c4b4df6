"""Modules are found, not listed; one that fails is left out and the others run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

import lodestar.modules
from lodestar import hookspecs, plugins
from lodestar.plugins import Plugins, find_modules
from lodestar.settings import Settings

HEAD = "from lodestar.hookspecs import hookimpl\n@hookimpl\ndef "
Write = Callable[..., None]


@pytest.fixture
def write(tmp_path: Path, mocker: MockerFixture) -> Iterator[Write]:
    """Writes module folders where Lodestar looks for them, in place of the real ones."""
    mocker.patch.object(lodestar.modules, "__path__", [str(tmp_path)])
    before = set(sys.modules)

    def put(name: str, plugin: str, config: str | None = None) -> None:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "__init__.py").touch()
        (folder / "plugin.py").write_text(plugin)
        if config is not None:
            (folder / "config.yaml").write_text(config)

    yield put
    for name in set(sys.modules) - before:
        if name.startswith("lodestar.modules."):
            del sys.modules[name]


def actions(loaded: Plugins) -> list[object]:
    return loaded.collect("control_actions", settings=Settings())


def test_every_folder_is_found_and_the_last_name_is_called_first(write: Write) -> None:
    """The order is a contract: learning orders the routes before health_monitor does."""
    write("b", HEAD + "control_actions(settings): return 'b'")
    write("a", HEAD + "control_actions(): return 'a'")
    loaded = Plugins.load(Settings())
    assert [module.name for module in loaded.modules] == ["a", "b"]
    assert actions(loaded) == ["b", "a"]


def test_a_module_that_is_switched_off_is_not_even_imported(write: Write) -> None:
    write("off", "raise RuntimeError('must not be imported')", "enabled: true")
    loaded = Plugins.load(Settings(modules={"off": {"enabled": False}}))
    assert not loaded.modules[0].enabled
    assert "lodestar.modules.off.plugin" not in sys.modules


def test_a_modules_defaults_are_overlaid_by_the_users_settings(write: Write) -> None:
    write("one", "", "enabled: false\nspeed: 3\nsize: 1")
    (module,) = find_modules({"one": {"speed": 5}})
    assert dict(module.config) == {"enabled": False, "speed": 5, "size": 1}
    assert not module.enabled


@pytest.mark.parametrize("config", ["key: [unclosed", "- a list", "just text", "\x00"])
def test_a_module_whose_defaults_cannot_be_read_is_left_out(write: Write, config: str) -> None:
    write("bad", "raise RuntimeError('must not be imported')", config)
    write("good", HEAD + "control_actions(): return 'good'", "")
    assert actions(Plugins.load(Settings())) == ["good"]


def test_no_folder_at_all_is_fine(write: Write) -> None:
    loaded = Plugins.load(Settings(modules={"gone": {"enabled": True}}))
    assert loaded.modules == ()
    assert actions(loaded) == []


def test_a_module_that_cannot_be_imported_is_left_out(
    write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    write("bad", "import no_such_package_anywhere")
    write("good", HEAD + "control_actions(): return 'good'")
    assert actions(Plugins.load(Settings())) == ["good"]
    assert "module bad cannot be loaded" in caplog.text


def test_a_hook_that_fails_is_logged_and_the_others_run(
    write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    write("bad", HEAD + "control_actions(): raise ValueError('on purpose')")
    write("good", HEAD + "control_actions(): return 'good'")
    assert actions(Plugins.load(Settings())) == ["good"]
    assert "module bad failed in control_actions" in caplog.text


def test_a_filter_passes_on_what_the_last_module_left(write: Write) -> None:
    arguments = "(request, routes, store, settings): "
    write("d", HEAD + f"order_routes{arguments}return routes[1:]")
    write("c", HEAD + f"order_routes{arguments}raise ValueError('on purpose')")
    write("b", HEAD + f"order_routes{arguments}return None")
    write("a", HEAD + f"order_routes{arguments}return list(reversed(routes))")
    left = Plugins.load(Settings()).filter(
        "order_routes", "routes", request=None, routes=[1, 2, 3], store=None, settings=None
    )
    assert left == [3, 2]


def test_other_peoples_modules_come_by_the_entry_point_group(
    write: Write, tmp_path: Path, mocker: MockerFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "their_plugin.py").write_text(HEAD + "control_actions(): return 'theirs'")
    monkeypatch.syspath_prepend(str(tmp_path))
    point = EntryPoint("theirs", "their_plugin", "lodestar")
    mocker.patch.object(plugins, "entry_points", return_value=[point])
    assert actions(Plugins.load(Settings())) == ["theirs"]
    off = Settings(modules={"theirs": {"enabled": False}})
    assert actions(Plugins.load(off)) == []


def test_there_are_eight_hooks() -> None:
    """A ninth needs a decision record."""
    names = [n for n, v in vars(hookspecs).items() if hasattr(v, "lodestar_spec")]
    assert len(names) == 8


def test_the_real_modules_load_and_fit_the_hooks(caplog: pytest.LogCaptureFixture) -> None:
    loaded = Plugins.load(Settings())
    for module in loaded.modules:
        assert module.enabled
        assert any(name == module.name for name, _ in loaded.implementations("session_event"))
    assert not caplog.records

"""A key is found where the user put it, and goes to no other host."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lodestar.errors import CredentialsError
from lodestar.loading import load
from lodestar.paths import Home
from lodestar.secrets import system
from lodestar.secrets.accounts import account, host_of, is_loopback, key_variable, takes_key
from lodestar.secrets.finder import Finder, named_hosts
from lodestar.secrets.key_file import Kept, KeyFile
from lodestar.settings import ModelEntry


class Keyring:
    """A keyring of known content that notes what it was asked for."""

    def __init__(self, **passwords: str) -> None:
        self.passwords = passwords
        self.asked: list[str] = []

    def __call__(self, name: str) -> str | None:
        self.asked.append(name)
        return self.passwords.get(name)


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch) -> Keyring:
    """In the place of the system's; empty."""
    keyring = Keyring()
    monkeypatch.setattr(system, "password", keyring)
    return keyring


def entry(**fields: object) -> ModelEntry:
    base = {"provider": "openai", "model": "m", "api_base": "https://api.example.org/v1"}
    return ModelEntry.model_validate({**base, **fields})


HOST = "api.example.org"
ENGINE = ModelEntry(provider="engine", model="demo", billing="local")
OPENAI = entry(api_base="https://api.openai.com/v1")
CLAUDE = ModelEntry(provider="litellm", model="anthropic/claude-sonnet-4-5")
HOSTS = {
    "X_KEY": frozenset({HOST, "models.example.org", "127.0.0.1:8000"}),
    "OPENAI_API_KEY": frozenset({"api.openai.com"}),
    "ANTHROPIC_API_KEY": frozenset({"api.anthropic.com"}),
}


def finder(home: Path, free_only: bool = False, **environ: str) -> Finder:
    return Finder(Home(home), environ, HOSTS, free_only)


@pytest.mark.usefixtures("keyring")
def test_the_engine_needs_no_key(tmp_path: Path) -> None:
    assert finder(tmp_path, OPENAI_API_KEY="sk").find(ENGINE, "local") is None


def test_the_named_variable_is_used_without_asking_the_keyring(
    tmp_path: Path, keyring: Keyring
) -> None:
    assert finder(tmp_path, X_KEY=" abc\n").find(entry(key_env="X_KEY"), "x") == "abc"
    assert not keyring.asked


@pytest.mark.usefixtures("keyring")
def test_the_openai_key_goes_to_openai_and_nowhere_else(tmp_path: Path) -> None:
    keys = finder(tmp_path, OPENAI_API_KEY="sk-real")
    assert keys.find(OPENAI, "gpt") == "sk-real"
    for base in (
        *("https://api.example.org/v1", "https://api.openai.com.evil.org/v1"),
        *("https://evil.org/api.openai.com", "http://127.0.0.1:8000/v1"),
        *("https://api.openai.com@evil.org/v1", "https://api.openai.com:8443/v1"),
    ):
        assert keys.find(entry(api_base=base), "x") is None


@pytest.mark.usefixtures("keyring")
def test_a_variable_names_its_hosts_in_the_catalogue_and_the_users_config_alone(
    tmp_path: Path, isolated_home: Path
) -> None:
    """An address that comes with an option or a variable takes no key along."""
    isolated_home.mkdir()
    far = 'far: {provider: openai, model: m, api_base: "https://far.org/v1", key_env: FAR_KEY}'
    own = (
        'own: {provider: openai, model: m, api_base: "https://me.org/v1", key_env: OPENAI_API_KEY}'
    )
    (isolated_home / "config.yaml").write_text(f"models:\n  {far}\n  {own}\n")
    environ = {
        "LODESTAR_HOME": str(isolated_home),
        "LODESTAR_MODELS__FAR": '{provider: openai, model: m, api_base: "https://evil.org/v1"}',
        "FAR_KEY": "of-far",
        "OPENAI_API_KEY": "of-openai",
    }
    context = load(None, environ, tmp_path)
    moved = context.catalog.get("far")
    assert moved.api_base == "https://evil.org/v1"
    assert named_hosts(context.home)["FAR_KEY"] == {"far.org"}
    assert named_hosts(context.home)["OPENAI_API_KEY"] == {"api.openai.com", "me.org"}
    keys = Finder.of(context, environ)
    with pytest.raises(CredentialsError) as error:
        keys.find(moved, "far")
    assert error.value.what == "the key in $FAR_KEY is not sent to evil.org"
    assert "it is for far.org" in error.value.why
    assert keys.find(context.catalog.get("own"), "own") == "of-openai"


def test_models_of_one_host_and_variable_share_a_key_and_others_do_not() -> None:
    anthropic = "ANTHROPIC_API_KEY@api.anthropic.com"
    assert account(CLAUDE).name == anthropic
    assert account(entry(api_base="https://api.anthropic.com/v1")).name == anthropic
    other = entry(api_base="https://api.anthropic.com/v1", key_env="WORK_KEY")
    assert account(other).name == "WORK_KEY@api.anthropic.com"
    moved = CLAUDE.model_copy(update={"api_base": "https://proxy.example.org"})
    assert account(moved).host == "proxy.example.org"
    assert account(entry()).name == HOST
    unknown = ModelEntry(provider="litellm", model="cohere/command-r", key_env="CO_API_KEY")
    assert account(unknown).name == "CO_API_KEY@litellm:cohere"


@pytest.mark.parametrize(
    ("base", "host"),
    [
        ("https://API.Example.org:443/v1", "api.example.org"),
        ("http://127.0.0.1:80/v1", "127.0.0.1"),
        ("https://api.example.org:8443/v1", "api.example.org:8443"),
        ("http://[::1]:8000/v1", "[::1]:8000"),
        ("https://api.example.org:port/v1", ""),
    ],
)
def test_a_host_is_named_with_the_port_where_that_is_not_the_usual_one(
    base: str, host: str
) -> None:
    assert host_of(entry(api_base=base)) == host


def test_only_what_is_on_this_machine_is_loopback() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.8.8.8:80", "[::1]:8000", "localhost:1")))
    assert not any(map(is_loopback, ("", HOST, "10.0.0.1", "127.0.0.1.evil.org", "litellm:x")))


def test_the_keyring_is_asked_for_variable_and_host(tmp_path: Path, keyring: Keyring) -> None:
    keyring.passwords["X_KEY@api.example.org"] = "from-keyring"
    assert finder(tmp_path).find(entry(key_env="X_KEY"), "x") == "from-keyring"
    assert keyring.asked == ["X_KEY@api.example.org"]


def test_a_stored_key_does_not_follow_its_model_to_another_host(
    tmp_path: Path, keyring: Keyring
) -> None:
    keyring.passwords["X_KEY@api.example.org"] = "from-keyring"
    KeyFile(Home(tmp_path)).set("X_KEY@api.example.org", Kept(key="from-file"))
    moved = entry(api_base="https://evil.org/v1", key_env="X_KEY")
    with pytest.raises(CredentialsError):
        finder(tmp_path).find(moved, "x")
    assert keyring.asked == ["X_KEY@evil.org"]


def test_what_the_user_keeps_in_a_file_goes_before_the_keyring(
    tmp_path: Path, keyring: Keyring
) -> None:
    keyring.passwords[HOST] = "from-keyring"
    file = KeyFile(Home(tmp_path))
    for kept, key in ((Kept(key="from-file"), "from-file"), (Kept(command="echo said"), "said")):
        file.set(HOST, kept)
        assert finder(tmp_path, PATH="/usr/bin:/bin").find(entry(), "x") == key
    assert not keyring.asked


@pytest.mark.usefixtures("keyring")
def test_a_missing_key_is_explained_in_three_lines(tmp_path: Path) -> None:
    with pytest.raises(CredentialsError) as error:
        finder(tmp_path, X_KEY="  ").find(entry(key_env="X_KEY"), "claude")
    assert error.value.exit_code == 4
    lines = str(error.value).splitlines()
    assert len(lines) == 3
    assert "`claude`" in lines[0]
    assert "$X_KEY is not set" in lines[1]


def test_a_local_server_needs_no_key(tmp_path: Path, keyring: Keyring) -> None:
    ollama = ModelEntry(provider="ollama", model="llama3.1:8b", billing="local")
    found = ollama.model_copy(update={"api_base": "http://127.0.0.1:11434/v1"})
    local = entry(api_base="http://localhost:11434/v1", billing="free")
    for one in (ollama, found, local):
        assert not takes_key(one)
        assert finder(tmp_path).find(one, "ollama") is None
    assert not keyring.asked


@pytest.mark.usefixtures("keyring")
def test_a_key_is_not_sent_in_the_clear(tmp_path: Path) -> None:
    open_line = entry(api_base="http://models.example.org/v1", key_env="X_KEY")
    with pytest.raises(CredentialsError, match="is not sent to models"):
        finder(tmp_path, X_KEY="abc").find(open_line, "x")
    loopback = entry(api_base="http://127.0.0.1:8000/v1", key_env="X_KEY")
    assert finder(tmp_path, X_KEY="abc").find(loopback, "x") == "abc"


@pytest.mark.usefixtures("keyring")
@pytest.mark.parametrize("key", ["a b", "a\nInjected: 1", "größe", "a\0b"])
def test_a_key_that_would_break_a_header_is_refused_without_showing_it(
    tmp_path: Path, key: str
) -> None:
    with pytest.raises(CredentialsError) as error:
        finder(tmp_path, X_KEY=key).find(entry(key_env="X_KEY"), "x")
    assert key not in str(error.value)


def test_where_it_is_free_only_no_place_is_asked_for_a_paid_models_key(
    tmp_path: Path, keyring: Keyring
) -> None:
    """The gates let none through; the keys' own service does not rely on them."""
    ran = tmp_path / "ran"
    file = KeyFile(Home(tmp_path))
    file.set("ANTHROPIC_API_KEY@api.anthropic.com", Kept(command=f"touch {ran}"))
    keys = finder(tmp_path, free_only=True, X_KEY="a-key", PATH="/usr/bin:/bin")
    for one in (entry(key_env="X_KEY"), CLAUDE, OPENAI):
        with pytest.raises(CredentialsError, match="is not looked for"):
            keys.find(one, "paid")
        assert keys.places([one])[account(one)].kind == "closed"
    gratis = entry(key_env="X_KEY", billing="free")
    assert keys.find(gratis, "gratis") == "a-key"
    for both in ([gratis, entry(key_env="X_KEY")], [entry(key_env="X_KEY"), gratis]):
        assert keys.places(both)[account(gratis)].kind == "environment"
    assert not keyring.asked
    assert not ran.exists()


def test_each_place_is_named_without_being_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    ring = {"OPENAI_API_KEY@api.openai.com": "sk-real"}
    monkeypatch.setattr(system, "stored", lambda names: asked.append(list(names)) or ring)
    ran, file = tmp_path / "ran", KeyFile(Home(tmp_path))
    file.set(account(CLAUDE).name, Kept(command=f"touch {ran}"))
    file.set(HOST, Kept(key="in-the-clear"))
    given = entry(key_env="X_KEY")
    absent = entry(api_base="https://absent.org/v1")
    models = [given, CLAUDE, entry(), OPENAI, absent, ENGINE]
    places = finder(tmp_path, X_KEY="abc").places(models)
    assert {whose.host + (whose.variable or ""): p.kind for whose, p in places.items()} == {
        "api.example.orgX_KEY": "environment",
        "api.anthropic.comANTHROPIC_API_KEY": "command",
        "api.example.org": "file",
        "api.openai.comOPENAI_API_KEY": "keyring",
        "absent.org": "none",
    }
    assert not ran.exists()
    assert len(asked) == 1


@pytest.mark.parametrize("host", ["api.openai.com", "api.anthropic.com", "api.x.ai"])
def test_a_providers_usual_variable_needs_no_naming(host: str) -> None:
    names = {"api.openai.com": "OPENAI", "api.anthropic.com": "ANTHROPIC", "api.x.ai": "XAI"}
    assert key_variable(entry(api_base=f"https://{host}/v1")) == f"{names[host]}_API_KEY"


def test_the_keyring_is_not_imported_where_the_environment_has_the_key() -> None:
    program = (
        "import sys\nfrom pathlib import Path\nfrom lodestar.paths import Home\n"
        "from lodestar.secrets.finder import Finder\nfrom lodestar.settings import ModelEntry\n"
        "e = ModelEntry(provider='openai', model='m', api_base='https://h.org/v1', key_env='K')\n"
        "f = Finder(Home(Path('/nonexistent')), {'K': 'abc'}, {'K': frozenset({'h.org'})})\n"
        "print(f.find(e, 'x'), 'keyring' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["abc", "False"]

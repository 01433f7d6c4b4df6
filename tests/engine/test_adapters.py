"""LoRA adapters share one base."""

NAMES = ("small", "small@one", "small@two")
PROMPT = "Rename the function add to total.\n" + "x = 1\n" * 40


def answer(engine, model):
    reply = engine.chat(PROMPT, model=model, max_tokens=30)
    assert reply.status == 200, reply.json
    return reply.text


def test_an_adapter_changes_the_answer_and_leaves_the_base_as_it_was(engine, adapter):
    adapter("one", seed=1)
    adapter("two", seed=2)
    for name in NAMES:
        # A quantised model counts a little differently when it finds the prompt in its cache.
        answer(engine, name)
    base, one, two = (answer(engine, name) for name in NAMES)
    assert len({base, one, two}) == 3
    for _ in range(2):
        assert answer(engine, "small@two") == two
        assert answer(engine, "small") == base
        assert answer(engine, "small@one") == one
    loaded = [entry for entry in engine.health()["loaded"] if entry["model"] == "small"]
    assert [entry["adapter"] for entry in loaded] == ["one"]


def test_each_adapter_keeps_its_own_cache(engine, adapter):
    adapter("cached", seed=3)
    for model in ("small", "small@cached"):
        engine.chat(PROMPT, model=model)
    for model in ("small", "small@cached"):
        reply = engine.chat(PROMPT, model=model)
        assert reply.cached == reply.json["usage"]["prompt_tokens"] - 1


def test_a_replaced_adapter_is_loaded_anew(engine, adapter):
    adapter("changing", seed=6)
    before = answer(engine, "small@changing")
    adapter("changing", seed=8)
    assert answer(engine, "small@changing") != before


def test_a_wrong_adapter_is_refused_and_the_base_goes_on(engine, adapter, demo_model):
    folder = engine.home / "adapters" / "small"
    adapter("alien", seed=6, made_for="alien")
    adapter("narrow", seed=7, shape=(8, 8))
    (folder / "model.gguf").write_bytes(demo_model.read_bytes())
    (folder / "junk.gguf").write_bytes(b"junk")
    for name in ("missing", "alien", "model", "junk", "narrow"):
        reply = engine.chat(PROMPT, model=f"small@{name}")
        assert reply.status == 400, name
        assert name in reply.json["error"]["message"]
    assert engine.chat(PROMPT).status == 200

"""Aider's own words around a request, asked of the Aider that is installed.

They are not ours to store: a small program run by Aider's interpreter lets Aider format a
request, and the places of request, file and language are marked in what comes out.
"""

import json
import os
import subprocess
from typing import Any

PROGRAM = """
import importlib, json, os, sys
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
load = importlib.import_module
Coder = load("aider.coders").Coder
load("aider.coders.base_coder").Coder.get_user_language = lambda self: sys.argv[1] or None
models = load("aider.models")
models.model_info_manager._cache_loaded = True
models.model_info_manager.content = {"-": {}}
io = load("aider.io").InputOutput(yes=True, pretty=False, fancy_input=False)
open("hello.py", "w").write("x\\n")
found = {"aider": load("aider").__version__}
for mode in ("whole", "ask"):
    model = models.Model("openai/none")
    coder = Coder.create(main_model=model, edit_format=mode, io=io, fnames=["hello.py"],
                         use_git=False, map_tokens=0, suggest_shell_commands=False)
    coder.cur_messages = [{"role": "user", "content": "REQUEST"}]
    found[mode] = coder.format_messages().all_messages()
    words = coder.gpt_prompts
    found[mode + "_none"] = words.files_no_full_files
    found["committed"] = words.files_content_gpt_edits
found["commit"] = load("aider.prompts").commit_system
json.dump(found, sys.__stdout__)
"""


def capture(python: str, folder: str) -> dict[str, Any]:
    """The texts, as `Prompts` wants them; arguments and errors are those of `formatted`."""
    return _marked(formatted(python, folder, "English"))


def formatted(python: str, folder: str, language: str) -> dict[str, Any]:
    """What Aider makes of the request REQUEST, by edit format, and some of its texts.

    Takes a few seconds. `language` is what Aider takes the user's for; empty for none. `python` is
    an interpreter that has Aider, `folder` an empty one to work in. Raises CalledProcessError
    where Aider is not there or not as expected.
    """
    done = subprocess.run(
        [os.path.abspath(python) if os.sep in python else python, "-I", "-c", PROGRAM, language],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout[done.stdout.index("{") :])
    return found


def _marked(found: dict[str, Any]) -> dict[str, Any]:
    commit = found["commit"].replace("{language_instruction}", "{commit_language}")
    committed = found["committed"]
    return {
        "aider": found["aider"],
        "edit": _mode(found["whole"]),
        "ask": _mode(found["ask"]),
        "commit": {"system": commit},
        "no_files": {"edit": found["whole_none"], "ask": found["ask_none"], "assistant": "Ok."},
        "committed": {"user": committed, "assistant": "Ok."},
    }


def _mode(messages: list[dict[str, str]]) -> dict[str, Any]:
    """The messages of one edit format; the last three are files, reply to them, request."""
    system, *opening, files, reply, request = messages
    return {
        "system": _language(system["content"]).replace("in English.", "in {ask_language}."),
        "opening": opening,
        "files": files["content"].split("hello.py\n```")[0],
        "files_reply": reply["content"],
        "reminder": _language(request["content"].removeprefix("REQUEST")),
    }


def _language(text: str) -> str:
    """Where Aider knows no language, which depends on locale and Python, the line is not there."""
    return text.replace("Reply in English.\n", "{language}")

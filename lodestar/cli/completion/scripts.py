"""What each shell has to know: a function that asks this program, and nothing that is evaluated.

The values come back as lines of data. bash takes them with `read`, zsh and fish quote what they
insert themselves: a name with `$(...)` in it stays a name.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence

LINE, BREAKS, WORDS = "_LODESTAR_LINE", "_LODESTAR_BREAKS", "_LODESTAR_WORDS"
BETWEEN = "\x1f"
"""Stands between words; nobody types it."""

_BASH = r"""# Completion of lodestar in bash.
_lodestar_completion() {
    local line kind=
    COMPREPLY=()
    while IFS= read -r line; do
        if [[ -z $kind ]]; then kind=$line; else COMPREPLY+=("$line"); fi
    done < <(_LODESTAR_COMPLETE=bash _LODESTAR_LINE="${COMP_LINE:0:COMP_POINT}" \
        _LODESTAR_BREAKS="$COMP_WORDBREAKS" @PROGRAM@ </dev/null 2>/dev/null)
    case $kind in
        files) compopt -o default ;;
        folders) compopt -o dirnames ;;
    esac
}
complete -F _lodestar_completion lodestar
"""
_ZSH = r"""#compdef lodestar
# Completion of lodestar in zsh.
_lodestar() {
    local -a lines typed found
    typed=("${(@Q)words[1,CURRENT-1]}" "${(Q)PREFIX}")
    lines=("${(@f)$(_LODESTAR_COMPLETE=zsh _LODESTAR_WORDS="${(pj:\x1f:)typed}" \
        @PROGRAM@ </dev/null 2>/dev/null)}")
    found=("${(@)lines[2,-1]}")
    case $lines[1] in
        files) _files ;;
        folders) _files -/ ;;
        values) _describe -V lodestar found ;;
    esac
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _lodestar "$@"
else
    (( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i; }
    compdef _lodestar lodestar
fi
"""
_FISH = r"""# Completion of lodestar in fish.
function __lodestar_complete
    set -l typed (string join \x1f -- (commandline -opc) (commandline -ct))
    set -l lines (_LODESTAR_COMPLETE=fish _LODESTAR_WORDS=$typed @PROGRAM@ </dev/null 2>/dev/null)
    switch "$lines[1]"
        case files
            __fish_complete_path (commandline -ct)
        case folders
            __fish_complete_directories (commandline -ct) ''
        case values
            printf '%s\n' $lines[2..-1]
    end
end
complete --command lodestar --no-files --keep-order --arguments '(__lodestar_complete)'
"""
SHELLS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def script(shell: str, program: Sequence[str] = ()) -> str:
    """The text that a shell reads; it asks the program that runs now, wherever the shell is."""
    # -I: a PYTHONPATH or a lodestar.py of the folder one is in must not reach it.
    words = program or (sys.executable, "-I", "-m", "lodestar")
    return SHELLS[shell].replace("@PROGRAM@", shlex.join(words))

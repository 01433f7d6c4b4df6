# .venv itself: its Python, its packages, its stamp.

build_tools='cmake ninja scikit-build-core hatchling editables packaging pathspec pluggy
    trove-classifiers typing-extensions tomli exceptiongroup'

python() { "$venv/bin/python" -I "$@"; }

# PIP_USER in somebody's configuration would install outside the environment.
pip() { PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1 python -m pip --no-input "$@"; }

# stanzas NAMES: the parts of the lock that pin these packages
stanzas() {
    # shellcheck disable=SC2086,SC2116
    awk -v names=" $(echo $1) " \
        '/^[a-z0-9]/ { split($1, p, "=="); on = index(names, " " p[1] " ") } on' "$lock"
}

install_locked() {
    pip install --require-hashes --no-deps --no-compile --only-binary :all: \
        --progress-bar off --no-warn-script-location -r "$1"
}

# Keep an environment that works; take away one that was moved, lost its Python or was cut off
# inside an installation. What the engine's compile has reached stays.
keep_or_clear() {
    local at='' base=''
    { read -r at && read -r base; } 2>/dev/null <"$state/stamp" || at=$root
    if [[ $at == "$root" && ! -e $state/installing ]] && python -c 'import sys, pip
sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null; then
        return
    fi
    rm -rf "${venv:?}"/{bin,lib,lib64,include,share,etc,man,pyvenv.cfg}
    rm -f "$state/lock.txt" "$state/stamp"
}

make_environment() {
    [[ ! -x $venv/bin/python ]] || return 0
    : >"$state/installing"
    "$base_python" -I -m venv "$venv"
}

write_stamp() {
    {
        printf '%s\n' "$root"
        python -c 'import os, sys; print(os.path.realpath(sys._base_executable))'
    } >"$state/stamp.new"
    mv "$state/stamp.new" "$state/stamp"
}

# The locked pip first: it needs a third of the CPU time of those that come with Python 3.10-3.12.
install_tools() {
    : >"$state/installing"
    stanzas pip >"$state/tools.txt"
    install_locked "$state/tools.txt"
    stanzas "$build_tools" >"$state/tools.txt"
    install_locked "$state/tools.txt"
}

install_packages() {
    awk '/^[a-z0-9]/ { on = !/^llama-cpp-python==/ } on' "$lock" >"$state/packages.txt"
    install_locked "$state/packages.txt"
    warm_up
}

# Bytecode only for what a session imports; the rest would cost a minute and is made when needed.
warm_up() {
    # Without this litellm fetches a price list when it is imported.
    LITELLM_LOCAL_MODEL_COST_MAP=True python -W ignore -c \
        'import aider.main, aider.coders, litellm, aiohttp, typer' || true
}

# The project itself, editable, with the build back end from the lock: no network, no isolation.
install_project() {
    pip install --no-deps --no-build-isolation --no-index --no-compile \
        --no-warn-script-location -e "$root"
}

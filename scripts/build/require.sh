# What the machine must have. Each is tried, not looked up: shims and stubs answer to `command -v`.

pythons=(python3.12 python3.11 python3.10 python3 python)

need_git() {
    git --version >/dev/null 2>&1 ||
        fail "git is missing" "Lodestar and Aider keep every edit in git" \
            "apt install git  (Fedora: dnf install git; macOS: xcode-select --install)"
}

# python_answer COMMAND -> "3.11 ok", "3.13 other" or "3.11 bare" (no venv)
python_answer() {
    "$1" -I -c '
import importlib.util as u, sys
fit = (3, 10) <= sys.version_info[:2] <= (3, 12)
whole = all(u.find_spec(m) for m in ("venv", "ensurepip"))
print("%d.%d" % sys.version_info[:2], "other" if not fit else "ok" if whole else "bare")
' 2>/dev/null
}

# Sets $base_python and $version to the first Python that will do.
find_python() {
    local candidate answer seen='' bare=''
    [[ -z ${LODESTAR_PYTHON-} ]] || pythons=("$LODESTAR_PYTHON")
    for candidate in "${pythons[@]}"; do
        answer=$(python_answer "$candidate") || continue
        base_python=$candidate version=${answer% *}
        case $answer in
        *ok) return 0 ;;
        *bare) bare=${bare:-$version} ;;
        *) seen="$seen $candidate is $version," ;;
        esac
    done
    [[ -z $bare ]] || no_venv "$bare"
    no_python "$seen"
}

no_venv() {
    fail "Python $1 has no venv module" "Debian and Ubuntu ship it apart" \
        "apt install python3-venv  (or python$1-venv; elsewhere reinstall Python with ensurepip)"
}

no_python() {
    local why='none was found'
    [[ -z $1 ]] || why="found only:${1%,}"
    [[ -z ${LODESTAR_PYTHON-} ]] || why="LODESTAR_PYTHON=$LODESTAR_PYTHON does not fit or run"
    fail "no Python 3.10, 3.11 or 3.12" "$why; Aider runs on these three only" \
        "apt install python3 python3-venv  (Fedora: dnf install python3.12; macOS: brew install\
 python@3.12; where these are newer: uv python install 3.12), or set LODESTAR_PYTHON"
}

# compiles COMMAND FILE-NAME TEXT [FLAG]: really, as far as a linked program
compiles() {
    local dir=$state/try
    mkdir -p "$dir"
    printf '%s\n' "$3" >"$dir/$2"
    # Words on purpose: CC may be "ccache gcc".
    # shellcheck disable=SC2086
    $1 ${4-} "$dir/$2" -o "$dir/a.out" >>"$state/setup.log" 2>&1
}

need_compiler() {
    local how="apt install g++  (Fedora: dnf install gcc-c++; macOS: xcode-select --install),\
 or name a ready-made wheel in LODESTAR_LLAMA_WHEEL"
    local c=${CC:-cc} cxx=${CXX:-c++}
    compiles "$c" try.c 'int main(void) { return 0; }' ||
        fail "no working C compiler ($c)" \
            "the local model engine is compiled for this machine" "$how"
    compiles "$cxx" try.cpp '#include <filesystem>
int main() { if constexpr (true) return 0; }' -std=c++17 ||
        fail "no working C++17 compiler ($cxx)" \
            "the local model engine is compiled for this machine" "$how"
}

need_space() {
    local need=${LODESTAR_SETUP_MIN_MB:-2000} free
    free=$(df -Pm "$root" 2>/dev/null | awk 'END { print $4 }') || return 0
    [[ $free =~ ^[0-9]+$ ]] || return 0
    ((free >= need)) ||
        fail "too little disk space in $root" "$free MB are free, the set-up needs $need MB" \
            "free some space (docker system prune, apt clean), or clone to a larger disk"
}

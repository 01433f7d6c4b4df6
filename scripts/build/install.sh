# The four steps. Two run side by side: packages (download, unpack) and the engine (compile).

install_all() {
    need_git
    find_python
    take_turn
    [[ -n $redo ]] || ! is_ready || return 0
    prepare
    trap interrupted INT TERM HUP
    headline
    step_environment
    step_packages
    step_engine
    step_project
}

prepare() {
    [[ -z $redo ]] || rm -rf "${venv:?}"
    mkdir -p "$state"
    : >"$log"
    rm -f "$state/pyproject.toml"
    keep_or_clear
    choose_engine
    packages_ready && [[ $engine_how != build ]] || need_space
    [[ $engine_how != build ]] || need_compiler
    # pip unpacks here: /tmp may be small.
    export TMPDIR=$state/tmp
    rm -rf "$TMPDIR" && mkdir "$TMPDIR"
}

packages_ready() {
    [[ ! -e $state/installing ]] && cmp -s "$lock" "$state/lock.txt"
}

headline() {
    local cores minutes
    cores=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
    minutes=$(((340 / cores + 20 + 59) / 60))
    case $engine_how in
    build) say "First set-up: about $minutes min on $cores cores, most of it to compile the local" \
        "model engine for this machine. Only once; Ctrl-C is safe, the next run goes on." ;;
    installed) say "Setting up: a minute at most" ;;
    *) say "Setting up: about a minute; the engine is taken from $wheel" ;;
    esac
}

step_environment() {
    begin "[1/4] Python $version environment"
    make_environment >>"$log" 2>&1 ||
        job_failed "the Python environment could not be made" "$log" \
            "apt install python3-venv, or set LODESTAR_PYTHON to another Python"
    finish
}

step_packages() {
    begin "[2/4] packages"
    packages_ready || run_job "$log" install_tools "$step: build tools,"
    if [[ $engine_how == build ]]; then
        engine_started=$SECONDS
        start_job "$engine_log" build_engine
        engine_job=$started
    fi
    if ! packages_ready; then
        run_job "$log" install_packages "$step:" show_packages
        rm -f "$state/installing"
        cp "$lock" "$state/lock.txt"
    fi
    finish
}

step_engine() {
    begin "[3/4] local model engine"
    step_started=${engine_started:-$SECONDS}
    if [[ $engine_how == build ]]; then
        watch "$engine_job" "$step:" show_engine ||
            job_failed "the local model engine could not be compiled" "$engine_log" \
                "run it again; if it stays, name a ready-made wheel in LODESTAR_LLAMA_WHEEL"
        wheel=$(wheel_in "$engine_dir/wheel")
    fi
    [[ $engine_how == installed ]] || run_job "$log" install_engine "$step:"
    rm -rf "$engine_dir"
    finish "$engine_how"
}

step_project() {
    begin "[4/4] lodestar"
    run_job "$log" install_project "$step:"
    write_stamp
    rm -rf "$TMPDIR"
    cp "$root/pyproject.toml" "$state/pyproject.toml"
    finish
    clock "$SECONDS"
    say "Ready after $clocked"
}

# "61 of 152, engine: 23 of 84 files"; called in a subshell, as all that `watch` shows
show_packages() {
    local seen total
    seen=$(grep -cE '^(Collecting|Ignoring) ' "$log")
    total=$(grep -c '^[a-z0-9].*==' "$lock")
    if grep -q '^Installing collected packages: .*aider' "$log"; then seen='unpacking' total=''; fi
    printf '%s' "$seen${total:+ of $total}"
    [[ $engine_how != build ]] || printf ', engine: '
    [[ $engine_how != build ]] || show_engine
}

run_job() {
    local job_log=$1 job=$2 label=$3 show=${4-:}
    start_job "$job_log" "$job"
    watch "$started" "$label" "$show" ||
        job_failed "the set-up stopped at: ${label%[:,]}" "$job_log" \
            "check the network and pip's configuration, then run it again"
}

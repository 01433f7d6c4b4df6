# Jobs in the background, what shows that they live, and what ends them.

job_pids=''
log=$state/setup.log
engine_log=$state/engine.log

# start_job LOG COMMAND: sets $started. A process group of its own: its compilers end with it.
start_job() {
    local job_log=$1
    shift
    set -m
    "$@" >>"$job_log" 2>&1 &
    started=$!
    set +m
    job_pids="$job_pids $started"
}

stop_jobs() {
    local pid
    for pid in $job_pids; do kill -TERM -- "-$pid" 2>/dev/null || true; done
    job_pids=''
}

interrupted() {
    trap - INT TERM HUP
    stop_jobs
    wait
    say "stopped; the next run goes on from here"
    exit 130
}

# watch PID LABEL SHOW: wait for a job, with a living line: LABEL, what SHOW prints, the time.
# One $(...) a word at most: bash 5.2 fails to parse a trap that comes between two.
watch() {
    local shown
    while kill -0 "$1" 2>/dev/null; do
        shown=$($3)
        clock $((SECONDS - step_started))
        living "$2 ${shown:+$shown, }$clocked"
        sleep 0.2
    done
    job_pids=${job_pids/ $1/}
    wait "$1"
}

# job_failed WHAT LOG DO: with the end of the log above the three lines
job_failed() {
    stop_jobs
    clear_line
    { grep -v '^ *$' "$2" | tail -n 5 | cut -c 1-200 | sed 's/^/  | /'; } >&2 || true
    fail "$1" "the lines above are the end of $2" "$3"
}

# One set-up at a time for a clone. The lock is the kernel's and ends with its holders;
# Python takes it because not every system has flock(1).
take_turn() {
    exec 9>"$root/.venv.lock"
    "$base_python" -I -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX | fcntl.LOCK_NB)' \
        2>/dev/null && return
    say "another set-up of this clone is at work; waiting for it"
    "$base_python" -I -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX)'
}

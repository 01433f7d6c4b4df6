# What the set-up prints: all of it on stderr, plain lines unless stderr is a terminal.

# fail WHAT WHY DO: three lines, then out.
fail() {
    clear_line
    printf 'error: %s\nwhy: %s\ndo: %s\n' "$1" "$2" "$3" >&2
    exit 1
}

say() {
    clear_line
    [[ -n ${LODESTAR_SETUP_QUIET-} ]] || printf '%s\n' "$*" >&2
}

clear_line() {
    if [[ -t 2 ]]; then printf '\r\033[K' >&2; fi
}

# clock SECONDS: sets $clocked to m:ss
clock() {
    printf -v clocked '%d:%02d' $(($1 / 60)) $(($1 % 60))
}

# living TEXT: the line that shows that work goes on; every 30 s where it cannot be overwritten.
next_line_at=30
living() {
    [[ -z ${LODESTAR_SETUP_QUIET-} ]] || return 0
    if [[ -t 2 ]]; then
        printf '\r\033[K%s' "$1" >&2
    elif ((SECONDS >= next_line_at)); then
        printf '%s\n' "$1" >&2
        next_line_at=$((SECONDS + 30))
    fi
}

step_started=0
step=''
begin() {
    step=$1
    step_started=$SECONDS
    if [[ -t 2 ]]; then living "$step"; else say "$step ..."; fi
}

finish() {
    clock $((SECONDS - step_started))
    say "$step: done in $clocked${1:+ ($1)}"
}

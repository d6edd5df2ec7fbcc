# shellcheck shell=sh
# How the installer speaks: progress, what it changes, and what to do when a step fails. Sourced by install.sh (POSIX sh).

STEPS=12
step_number=0
step_name=
remedy=
pass=check               # check: nothing has begun; plan: what would change; act: it changes; over
changes=0

# step NAME WHAT REMEDY: begins a step; the remedy is told should it fail.
step() {
    step_number=$((step_number + 1)) step_name=$1 remedy=$3
    if [ "$pass" = act ] || [ -n "$dry_run" ]; then
        printf '[%2d/%d] %-13s %s\n' "$step_number" "$STEPS" "$1" "$2"
    fi
}

# change WHAT: something is not as it should be. True when it is to be mended now.
change() {
    changes=$((changes + 1))
    if [ "$pass" = act ]; then
        printf '        %s\n' "$1"
        return 0
    fi
    [ -z "$dry_run" ] || printf '        would: %s\n' "$1"
    return 1
}

# tell WHAT: something to know that is said once, at the end.
tell() {
    [ "$pass" != plan ] || return 0
    printf '%s\n' "$1" >> "$work/told"
}

# quietly COMMAND...: its output is shown only when it fails.
quietly() {
    quiet_code=0
    "$@" > "$work/output" 2>&1 < /dev/null || quiet_code=$?
    [ "$quiet_code" = 0 ] || { tail -n 15 "$work/output" | sed 's/^/        | /' >&2; return "$quiet_code"; }
}

# stop_after PLACE: for the tests: the power goes here.
stop_after() {
    [ "$pass" = act ] && [ "${CCSBOX_STOP_AFTER:-}" = "$1" ] || return 0
    kill -9 $$
}

# finish CODE: the last words, also when a command failed in the middle of a step (set -e).
finish() {
    finish_code=$1
    trap - EXIT
    if [ "$finish_code" != 0 ] && [ "$pass" = act ]; then
        say "install.sh: the step '$step_name' failed. What to do: $remedy"
        say "Then run it again: it goes on where it stopped. Until then the release in force stays in force."
    fi
    rm -rf "$work"
    # whatever code the command had
    case $pass:$finish_code in act:0 | act:130) ;; act:*) finish_code=1 ;; esac
    exit "$finish_code"
}

#!/bin/sh
# Starts the box as ccsbox.service does: what the configuration means for main.py's command line. Becomes the program itself.
# run-box.sh doctor [options]: the doctor of the same box.
set -eu
config=${CCSBOX_CONFIG:-/etc/ccsbox/config.yaml}
here=$(dirname "$0")/../..
doctor=
if [ "${1:-}" = doctor ]; then doctor=1; shift; fi
if ! grep -Eqs -m 1 '^mode:[[:space:]]*["'\'']?listen' "$config"; then
    # a real modem, and nothing that could be switched
    if ! grep -Eqs -m 1 '^board:' "$config" || grep -Eqs -m 1 '^board:[[:space:]]*["'\'']?simulated' "$config"; then set -- --simulate-io "$@"; fi
elif [ -z "$doctor" ]; then
    set -- --output "${STATE_DIRECTORY:-/var/lib/ccsbox}/listen" "$@"         # what a listener is for; its files are rings
fi
set -- "$here/venv/bin/python" "$here/main.py" ${doctor:+doctor} --config "$config" "$@"
# choom: ccsbox.service lets the guard be the last that is killed when memory runs out, and the box the last but one
if [ -z "$doctor" ] && [ "$(cat /proc/self/oom_score_adj)" = -1000 ] && command -v choom > /dev/null; then
    exec choom -n -900 -- "$@"
fi
exec "$@"

#!/bin/sh
# ExecStopPost of ccsbox.service: when the box could not start (main.py's exit codes 2 and 3), the doctor finds out why, for the
# journal and on the display. After any other end it is silent: a box that fell must be back at once.
set -eu
[ "${SERVICE_RESULT:-}" = exit-code ] || exit 0
case ${EXIT_STATUS:-} in 2 | 3) ;; *) exit 0 ;; esac
here=$(dirname "$0")/../..
[ -d "$here/tools/doctor" ] || exit 0
# its exit code says that something is wrong, which is known here
timeout 20 nice -n 10 "$here/install/system/run-box.sh" doctor --oled || echo "doctor: exit code $?; more by: ccsbox doctor"

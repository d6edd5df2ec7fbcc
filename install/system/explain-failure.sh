#!/bin/sh
# ExecStopPost of ccsbox.service: when the box could not start (main.py's exit codes 2 and 3), the doctor finds out why, for the
# journal and on the display. After any other end it is silent: a box that fell must be back at once.
# Begun with full rights (ccsbox.service says why); the doctor gets those of the service and no others.
set -eu
[ "${SERVICE_RESULT:-}" = exit-code ] || exit 0
case ${EXIT_STATUS:-} in 2 | 3) ;; *) exit 0 ;; esac
here=$(dirname "$0")/../..
[ -d "$here/tools/doctor" ] || exit 0
set -- "$here/install/system/run-box.sh" doctor --oled
if [ "$(id -u)" = 0 ]; then
    prlimit --pid $$ --rtprio=41 --memlock=unlimited --core=0 || echo "the doctor will miss real-time rights that the service has"
    set -- setpriv --reuid=ccsbox --regid=ccsbox --groups=i2c,gpio,spi,dialout --inh-caps=+net_raw --ambient-caps=+net_raw --bounding-set=-all,+net_raw --no-new-privs -- "$@"
fi
# its exit code says that something is wrong, which is known here
timeout 20 nice -n 10 "$@" || echo "doctor: exit code $?; more by: ccsbox doctor"

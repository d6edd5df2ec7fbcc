# shellcheck shell=sh
# The running box: stopped for a new release, started, asked how it is. Nothing of it happens with --root. Sourced by install.sh.

STOP_SECONDS=40                  # TimeoutStopSec of the unit and some; a charge that goes on is ended in order

running() { [ -n "$live" ] && systemctl --quiet is-active ccsbox.service; }

stop_box() {
    if [ "$pass" = act ] && running; then
        echo "        the running box ends in order"
        quietly timeout "$STOP_SECONDS" systemctl stop ccsbox.service
    fi
}

# service_step: the system reads what was written; the box starts with it.
service_step() {
    starts="started now and at each start of the system"
    [ -n "$live" ] || starts="switched on for the start of that system; nothing is started here"
    [ -z "$dry_run" ] || starts="would be $starts"
    step service "$starts" "Why it does not start: sudo journalctl -u ccsbox -n 30; ccsbox doctor"
    box_runs=1
    if [ -n "$live" ] && [ "$pass" = act ]; then
        quietly systemctl daemon-reload
        quietly systemd-tmpfiles --create /etc/tmpfiles.d/ccsbox.conf
        # a system without udev or without these modules (a container) goes without
        modprobe -q i2c-dev 2> /dev/null || say "        the module i2c-dev does not load now: no I2C until the next start"
        if command -v udevadm > /dev/null; then
            udevadm control --reload && udevadm trigger --subsystem-match=i2c-dev --subsystem-match=gpio --subsystem-match=spidev --subsystem-match=pwm
        fi
        quietly systemctl restart systemd-journald.service
        if [ -n "$chosen_can" ] && [ -e "/sys/class/net/$chosen_can" ]; then
            quietly systemctl restart "$(can_unit)" || say "        $(can_unit) fails: is it a CAN interface? ip -details link show $chosen_can"
        fi
        if systemctl --quiet is-enabled ccsbox.service; then
            # answers when the box says that it is ready, or has failed for the first time
            if ! quietly systemctl restart ccsbox.service; then
                box_runs=
                journalctl -u ccsbox -n 12 --no-pager -o cat | sed 's/^/        | /' >&2
            fi
        fi
    fi
    stop_after service
}

doctor_step() {
    says="what the box says of itself"
    [ -n "$live" ] || says="not asked here: nothing of it runs"
    step doctor "$says" "by hand: ccsbox doctor"
    if [ -n "$live" ] && [ "$pass" = act ] && [ -d "$opt/current/tools/doctor" ]; then
        (cd / && /usr/local/bin/ccsbox doctor < /dev/null) || tell "The doctor has found something; again at any time: ccsbox doctor"
    fi
}

summary() {
    echo
    echo "ccsbox $release is installed: $chosen_mode on $chosen_interface, board $chosen_board."
    [ ! -s "$work/told" ] || sort -u "$work/told"
    [ "$chosen_board" != simulated ] || [ "$chosen_mode" = listen ] ||
        echo "Nothing is switched yet: with board: simulated the modem is real, volts and contactors are not." \
             "Commission the board (README.md, The board), then set board in /etc/ccsbox/config.yaml."
    echo "Configuration: /etc/ccsbox/config.yaml    data: /var/lib/ccsbox    journal: journalctl -u ccsbox -f    what is wrong: ccsbox doctor"
    if [ -n "$box_runs" ]; then return 0; fi
    say "The box is installed and does not run yet; it tries again all the time. Its last words stand above; mend /etc/ccsbox/config.yaml, or plug in what is missing."
    return 4
}

# go_back: the release before is in force again.
go_back() {
    previous=$(readlink "$opt/previous" 2> /dev/null || true)
    if [ -z "$previous" ] || [ ! -d "$opt/$previous" ]; then
        say "install.sh: there is no release before this one. Get its source and run its install/install.sh."
        exit 3
    fi
    now_in_force=$(readlink "$opt/current")
    pass=act step_name=back remedy="run it again"
    if ! "$opt/$previous/venv/bin/python" -B "$opt/$previous/main.py" --config "$etc_config" --print-config > /dev/null; then
        say "install.sh: $previous refuses the configuration (see above): take the keys that it does not know out of /etc/ccsbox/config.yaml, then again."
        exit 3
    fi
    stop_box
    begin_owning
    put_link "$previous" /opt/ccsbox/current
    put_link "$now_in_force" /opt/ccsbox/previous
    write_intent
    if [ -n "$live" ]; then quietly systemctl restart ccsbox.service; fi
    echo "$previous is in force again; --back once more returns to $now_in_force. (Its units stay those of the newer release.)"
}

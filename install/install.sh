#!/bin/sh
# Installs the box on its board: sudo ./install/install.sh [options]; --help lists them, install/README.md explains.
# First every check, then one question, then the steps; each finishes what an interrupted run has left, and a second run changes nothing.
set -eu
umask 022
source=$(cd "$(dirname "$0")/.." && pwd -P)
# shellcheck source=install/venv.sh
. "$source/install/venv.sh"
# shellcheck source=install/lib/say.sh
. "$source/install/lib/say.sh"
# shellcheck source=install/lib/options.sh
. "$source/install/lib/options.sh"
# shellcheck source=install/lib/platform.sh
. "$source/install/lib/platform.sh"
# shellcheck source=install/lib/manifest.sh
. "$source/install/lib/manifest.sh"
# shellcheck source=install/lib/checks.sh
. "$source/install/lib/checks.sh"
# shellcheck source=install/lib/program.sh
. "$source/install/lib/program.sh"
# shellcheck source=install/lib/system.sh
. "$source/install/lib/system.sh"
# shellcheck source=install/lib/service.sh
. "$source/install/lib/service.sh"
# shellcheck source=install/lib/remove.sh
. "$source/install/lib/remove.sh"

# ask QUESTION: yes, or leave.
ask() {
    [ -z "$yes" ] || return 0
    if [ ! -t 0 ]; then
        say "install.sh: nobody can be asked here (no terminal): --yes, or --dry-run to look first"
        exit 3
    fi
    printf '%s [y/N] ' "$1"
    read -r answer
    case $answer in y | Y | yes) ;; *) say "nothing was changed"; exit 3 ;; esac
}

# all_steps: once to plan (nothing is changed, every path is named), once to do.
all_steps() {
    step_number=0
    begin_owning
    put_dir /opt/ccsbox
    packages_step
    accounts_step
    release_steps
    configuration_step
    files_step
    interface_step
    firmware_step
    switch_release
    step tidy "what earlier releases had and this one has not" "Look at the path above; remove it by hand, then run this again."
    remove_outdated
    stop_after tidy
    service_step
    doctor_step
}

install() {
    choose
    say "Checking ..."
    if ! check_all; then
        say "install.sh: $problems to mend first (above); nothing was changed."
        exit 3
    fi
    interrupted=
    [ ! -f "$opt/.unfinished" ] || interrupted=1
    pass=plan
    all_steps
    if [ "$problems" != 0 ]; then
        say "install.sh: $problems to mend first (above); nothing was changed."
        exit 3
    fi
    if [ -n "$interrupted" ]; then change "finish what an interrupted run has begun" || true; fi
    if [ -n "$dry_run" ]; then
        [ "$changes" != 0 ] || echo "Everything is as it should be."
        echo "Nothing was changed (--dry-run)."
        return 0
    fi
    if [ "$changes" = 0 ]; then
        echo "ccsbox $release: everything is as it should be, nothing was changed."
        return 0
    fi
    ask "Install ccsbox $release: $chosen_mode on $chosen_interface, board $chosen_board${live:+ (a running charge ends)}?"
    mkdir -p "$opt"
    write_intent
    : > "$opt/.unfinished"
    sync "$opt"
    changes=0 pass=act
    stop_after intent
    all_steps
    write_final
    stop_after manifest
    rm -f "$opt/.unfinished"
    pass=over
    summary
}

work=$(mktemp -d)
trap 'finish $?' EXIT
trap 'exit 130' INT TERM HUP
parse_options "$@"
look_around
exec 9< "${root:-/}"
flock -n 9 || { say "install.sh: another one runs on ${root:-this system}; wait for it"; exit 3; }
case $action in
    install) install ;;
    back) go_back ;;
    uninstall) uninstall ;;
esac

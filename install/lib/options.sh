# shellcheck shell=sh
# The command line of install.sh. Sourced by it (POSIX sh).

usage() {
    cat << 'END'
sudo ./install/install.sh [options]          installs or upgrades the box; asks once
  --yes                  asks nothing
  --interface IF         network interface of the PLC modem; default: as configured, else the only one without addresses
  --mode MODE            pev (default), evse, bridge, listen: what this box is
  --board NAME           simulated (default: nothing is switched), raspberry_pi, beaglebone, dieter, celeron55, focccicape
  --can IF               CAN interface that is brought up at 500 kbit/s (a bridge, a battery management)
  --can-overlay TEXT     Raspberry Pi: its CAN controller, such as mcp2515-can0,oscillator=12000000,interrupt=25
  --offline DIR          packages from this folder (install/make-offline.sh fills it), no network
  --any-distribution     not only Debian 12, 13 and Raspberry Pi OS
  --dry-run              checks, says what it would change, changes nothing
  --root DIR             writes below this folder and starts nothing (images, tests)
  --back                 the release before this one is in force again
  --uninstall            removes what it installed; configuration and data stay
  --purge                with --uninstall: configuration, data and user as well
  --purge-packages       with --uninstall: the Debian packages that it installed as well
Exit codes: 0 done, or nothing to do; 1 a step failed; 2 command line; 3 refused, nothing changed; 4 installed, but the box does not run yet
END
}

# parse_options WORD...
parse_options() {
    yes='' interface='' mode='' board='' can='' can_overlay='' offline='' any_distribution='' dry_run='' root='' action=install purge='' purge_packages=''
    while [ $# -gt 0 ]; do
        case $1 in
            --yes | -y) yes=1 ;;
            --interface | --mode | --board | --can | --can-overlay | --offline | --root)
                [ -n "${2:-}" ] || wrong "$1 needs a value"
                case $1 in
                    --interface) interface=$2 ;;
                    --mode) mode=$2 ;;
                    --board) board=$2 ;;
                    --can) can=$2 ;;
                    --can-overlay) can_overlay=$2 ;;
                    --offline) offline=$2 ;;
                    --root) root=$2 ;;
                esac
                shift ;;
            --any-distribution) any_distribution=1 ;;
            --dry-run) dry_run=1 ;;
            --back) action=back ;;
            --uninstall) action=uninstall ;;
            --purge) purge=1 ;;
            --purge-packages) purge_packages=1 ;;
            --help | -h) usage; exit 0 ;;
            *) wrong "there is no option $1" ;;
        esac
        shift
    done
    case $mode in '' | pev | evse | bridge | listen) ;; *) wrong "--mode is pev, evse, bridge or listen, not $mode" ;; esac
    case $board in '' | simulated | raspberry_pi | beaglebone | dieter | celeron55 | focccicape) ;; *) wrong "there is no board $board" ;; esac
    for name in "$interface" "$can"; do
        case $name in -* | */* | *[!A-Za-z0-9_.:-]*) wrong "'$name' is no name of an interface (ip -br link lists them)" ;; esac
    done
    case $can_overlay in *[!A-Za-z0-9_.,=-]*) wrong "'$can_overlay' is no device tree overlay" ;; esac
    [ -z "$purge$purge_packages" ] || [ "$action" = uninstall ] || wrong "--purge and --purge-packages belong to --uninstall"
    if [ -n "$root" ]; then
        [ -d "$root" ] || wrong "--root $root is no folder"
        root=$(cd "$root" && pwd)
        [ "$root" != / ] || root=
    fi
    if [ -n "$offline" ]; then
        [ -d "$offline" ] || wrong "--offline $offline is no folder; install/make-offline.sh makes one on a computer with a network"
        offline=$(cd "$offline" && pwd)
    fi
}

wrong() {
    say "install.sh: $1. Its options: $0 --help"
    exit 2
}

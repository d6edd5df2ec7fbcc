# shellcheck shell=sh
# Everything that must hold before anything is changed; all that does not is told at once, each with its remedy. Sourced by install.sh.

PROCESSORS="aarch64 armv7l armv6l x86_64"
ENVIRONMENT_KB=350000            # a virtual environment of 64 bit is 140 MB, its downloads 20 MB, and an upgrade needs both
PROGRAM_KB=40000
INDEX_SECONDS=15

# check_all: counts problems on standard error; returns 1 when there are some.
check_all() {
    problems=0
    [ "$kernel" = Linux ] || problem "this is $kernel, not Linux" "install on the board itself"
    check_rights
    [ -z "$live" ] || [ -d /run/systemd/system ] || problem "systemd does not run here, and nothing else starts the box" \
        "install on the board itself, or write into an image with --root DIR"
    for tool in systemd-escape sha256sum find xargs flock; do
        command -v "$tool" > /dev/null || problem "the command $tool is missing" "sudo apt-get install systemd coreutils findutils util-linux"
    done
    case " $PROCESSORS " in
        *" $machine "*) ;;
        *) problem "the processor is $machine; the box runs on $PROCESSORS" "take one of these boards: Raspberry Pi (any), BeagleBone, a PC" ;;
    esac
    check_distribution
    if python_problem=$(find_python 2>&1); then find_python; else problem "$python_problem" "name one with PYTHON=, or take Debian 12 or newer"; PYTHON=; fi
    [ -z "$PYTHON" ] || name_release
    check_disk
    check_interface
    [ -z "$PYTHON" ] || check_packages
    [ "$problems" = 0 ]
}

problem() {
    problems=$((problems + 1))
    say "  $problems. $1."
    say "     $2"
}

check_rights() {
    if [ -n "$live" ]; then
        [ "$(id -u)" = 0 ] || problem "not root" "sudo $0 ..."
    fi
    for folder in opt etc usr/local/bin; do
        place=$(above "$root/$folder")
        [ -w "$place" ] && continue
        case " $(mount_options "$place") " in
            *,ro,* | *" ro,"* | *" ro "*) problem "$place is read-only" \
                "remount it: sudo mount -o remount,rw $(mount_point "$place") (an overlay: see install/README.md, read-only root)" ;;
            *) problem "$place cannot be written" "sudo $0 ..., or another folder" ;;
        esac
    done
    if [ -n "$live" ] && { grep -qs ' / overlay .*upperdir=/media/root-rw' /proc/mounts || grep -Eqs '^overlayroot / ' /proc/mounts; }; then
        problem "the root file system is an overlay in memory: what is installed now is gone at the next start" \
            "switch it off, restart, install, switch it on: sudo raspi-config nonint disable_overlayfs (or overlayroot=disabled in /etc/overlayroot.conf)"
    fi
}

mount_point() { df -Pk "$1" | awk 'NR == 2 { print $6 }'; }
mount_options() { awk -v point="$(mount_point "$1")" '$2 == point { found = $4 } END { print found }' /proc/mounts; }

check_distribution() {
    [ -z "$any_distribution" ] || return 0
    case $distribution:$distribution_version in
        debian:12 | debian:13 | raspbian:12 | raspbian:13) ;;
        *) problem "this is ${distribution_name:-an unknown distribution}; tried are Debian 12 and 13 and Raspberry Pi OS Bookworm and Trixie" \
            "take one of these, or try with --any-distribution" ;;
    esac
}

check_disk() {
    needed=0
    if [ -n "$PYTHON" ]; then
        [ -f "$opt/$environment/SHA256SUMS" ] || needed=$ENVIRONMENT_KB
        [ -d "$opt/releases/$release" ] || needed=$((needed + PROGRAM_KB))
    fi
    free_kb=$(df -Pk "$(above "$opt")" | awk 'NR == 2 { print $4 }')
    [ "$free_kb" -ge "$needed" ] || problem "only $((free_kb / 1024)) MB are free at $(above "$opt"), $((needed / 1024)) MB are needed" \
        "make room (sudo apt-get clean; df -h), or take a larger card"
}

check_interface() {
    if [ -z "$chosen_interface" ]; then
        problem "the modem's interface is not known" "name it with --interface; wired ones here: $(wired | tr '\n' ' ')(ip -br link)"
    elif [ -n "$live" ] && [ ! -d "/sys/class/net/$chosen_interface" ]; then
        problem "there is no network interface $chosen_interface" "plug the modem in, or name another with --interface; wired ones here: $(wired | tr '\n' ' ')(ip -br link)"
    elif [ -n "$live" ] && [ -n "$(global_addresses "$chosen_interface")" ]; then
        problem "$chosen_interface belongs to a network ($(global_addresses "$chosen_interface")): is it really the modem's?" \
            "name another with --interface; if it is: sudo ip addr flush dev $chosen_interface, but not over the connection you use now"
    fi
    if [ "$chosen_mode" = bridge ] && [ -z "$chosen_can" ]; then
        problem "a bridge speaks CAN with the car, and no CAN interface is named" "name it with --can, such as --can can0"
    fi
}

# check_packages: can what is missing be had?
check_packages() {
    find_missing_packages
    if [ -n "$missing" ] && [ -n "$offline" ]; then
        for package in $missing; do
            set -- "$offline/$package"_*.deb
            [ -f "$1" ] || problem "the Debian package $package is missing, and $offline has no ${package}_*.deb" \
                "sudo apt-get install $package, or fill the folder with install/make-offline.sh on a computer with the same distribution"
        done
    elif [ -n "$missing" ]; then
        command -v apt-get > /dev/null || problem "these packages are missing, and there is no apt-get:$missing" "install them by hand"
    fi
    [ ! -f "$opt/$environment/SHA256SUMS" ] || return 0
    if [ -n "$offline" ]; then
        quietly_python "$source/install/lib/wheels.py" folder "$offline" "$requirements" || problem "$(cat "$work/output")" \
            "fill the folder with install/make-offline.sh on a computer with a network"
    else
        quietly_python "$source/install/lib/wheels.py" index "$INDEX_SECONDS" || problem "$(cat "$work/output")" \
            "connect the board (ping pypi.org), or install without a network: --offline DIR (install/make-offline.sh fills it elsewhere)"
    fi
}

quietly_python() { "$PYTHON" -B "$@" > "$work/output" 2>&1 < /dev/null; }

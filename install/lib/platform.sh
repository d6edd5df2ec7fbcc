# shellcheck shell=sh
# What kind of machine this is: facts only, nothing is judged and nothing is changed. Sourced by install.sh (POSIX sh).

# look_around: sets the facts that checks and steps go by.
look_around() {
    opt=$root/opt/ccsbox
    manifest=$opt/manifest
    etc_config=$root/etc/ccsbox/config.yaml
    machine=$(uname -m)
    bits=$(getconf LONG_BIT)                     # 32-bit Raspberry Pi OS runs on a 64-bit kernel
    kernel=$(uname -s)
    os_release=$root/etc/os-release
    [ -f "$os_release" ] || os_release=/etc/os-release
    distribution=$(os_word ID) distribution_version=$(os_word VERSION_ID) distribution_name=$(os_word PRETTY_NAME)
    raspberry=
    # firmware's own settings; in an image (--root) the file alone says so
    firmware_config=$root/boot/firmware/config.txt
    if [ -f "$firmware_config" ] && { [ -n "$root" ] || grep -aqs 'Raspberry Pi' /proc/device-tree/model; }; then raspberry=1; fi
    live=
    [ -n "$root" ] || live=1
    if [ -z "${PYTHON:-}" ] && [ -x /usr/bin/python3 ]; then PYTHON=/usr/bin/python3; fi
    # on 32 bit the index has no compiled packages (Pillow, PyYAML, gpiod): Debian's own, seen from the environment
    if [ "$bits" = 32 ]; then
        requirements=$source/install/requirements-32bit.txt system_packages=1
    else
        requirements=$source/install/requirements-box.txt system_packages=
    fi
    configured_interface=$(setting interface) configured_mode=$(setting mode) configured_board=$(setting board)
    configured_can=$(sed -n 's/^# can: //p' "$root$DEVICES_DROPIN" 2> /dev/null || true)
    configured_overlay=$(sed -n '/^# >>> ccsbox/,/^# <<< ccsbox/s/^dtoverlay=//p' "$firmware_config" 2> /dev/null | head -n 1 || true)
}

os_word() { sed -n "s/^$1=//p" "$os_release" | tr -d '"' | head -n 1; }

# setting KEY: the text of a key at the left margin of the box's configuration, empty when there is none.
setting() {
    sed -n "s/^$1:[[:space:]]*//p" "$etc_config" 2> /dev/null | sed "s/[[:space:]]*#.*//; s/^[\"']//; s/[\"'][[:space:]]*\$//" | head -n 1
}

# choose: what was asked for, else what is configured, else what there is.
choose() {
    chosen_interface=${interface:-$configured_interface}
    [ -n "$chosen_interface" ] || [ -z "$live" ] || chosen_interface=$(only_free_interface)
    chosen_mode=${mode:-${configured_mode:-pev}}
    chosen_board=${board:-${configured_board:-simulated}}
    chosen_can=${can:-$configured_can}
    chosen_overlay=${can_overlay:-$configured_overlay}
}

# wired: Ethernet interfaces with a device behind them, no radio.
wired() {
    for path in /sys/class/net/*; do
        [ "$(cat "$path/type" 2> /dev/null)" = 1 ] && [ -e "$path/device" ] && [ ! -e "$path/wireless" ] && printf '%s\n' "${path##*/}"
    done
    return 0
}

# global_addresses IF: addresses of a network that it belongs to.
global_addresses() { ip -o addr show dev "$1" scope global 2> /dev/null | sed 's/^.*inet6* //; s/ .*//' | tr '\n' ' '; }

only_free_interface() {
    free=
    for name in $(wired); do [ -n "$(global_addresses "$name")" ] || free="$free $name"; done
    # shellcheck disable=SC2086  # a list of words
    set -- $free
    [ $# != 1 ] || printf '%s\n' "$1"
}

# above PATH: the nearest folder above it that exists.
above() {
    found_above=$1
    while [ ! -d "$found_above" ]; do found_above=$(dirname "$found_above"); done
    printf '%s\n' "$found_above"
}

# release_name, environment_name: what this source and this Python make; equal ones are made once.
name_release() {
    python_tag=$("$PYTHON" -c 'import sys, platform; print("cp%d%d-%s" % (*sys.version_info[:2], platform.machine()))')
    version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$source/pyproject.toml")
    digest=$(cd "$source" && { program_files; echo "$python_tag"; } | sha256sum | cut -c 1-12)
    release=$version-$digest
    environment=venv-$({ wanted "$requirements"; echo "$python_tag$system_packages"; } | sha256sum | cut -c 1-12)
}

# program_files: digest and path of each file that is the program, in order.
program_files() {
    # shellcheck disable=SC2086  # a list of words
    find $PROGRAM -type f ! -name '*.pyc' ! -path '*/.*' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
}
DEVICES_DROPIN=/etc/systemd/system/ccsbox.service.d/10-devices.conf
PROGRAM="main.py kernel tasks drivers exi_native tools install config.yaml pyproject.toml README.md LICENSE"

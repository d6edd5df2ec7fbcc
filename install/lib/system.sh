# shellcheck shell=sh
# What the operating system gets: packages, users, the box's configuration, units, rules, the modem's interface, firmware settings.
# Sourced by install.sh (POSIX sh).

# find_missing_packages: Debian packages that are needed and not there.
find_missing_packages() {
    missing=
    [ -n "$live" ] || return 0                   # an image gets its packages by the tool that makes it (install/README.md)
    command -v dpkg-query > /dev/null || return 0
    # trixie: libpcap0.8t64, which provides libpcap0.8
    wanted_packages="python3-venv iproute2"
    ldconfig -p 2> /dev/null | grep -q 'libpcap\.so' || wanted_packages="$wanted_packages $(pcap_package)"
    [ -z "$system_packages" ] ||
        wanted_packages="$wanted_packages python3-pil python3-yaml python3-smbus2 python3-luma.oled python3-libgpiod python3-serial python3-can python3-paho-mqtt python3-tornado"
    for package in $wanted_packages; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2> /dev/null)" = installed ] || missing="$missing $package"
    done
    # another Python than Debian's (PYTHON=) brings its own
    case " $missing " in *" python3-venv "*) ! "$PYTHON" -c 'import ensurepip' 2> /dev/null || missing=$(printf %s "$missing" | sed 's/ python3-venv//') ;; esac
}

pcap_package() { case $distribution_version in 12) echo libpcap0.8 ;; *) echo libpcap0.8t64 ;; esac; }

packages_step() {
    step packages "Debian packages" "apt-get says why above. Often: sudo apt-get update; sudo dpkg --configure -a; then this again. Without a network: --offline DIR."
    find_missing_packages
    # shellcheck disable=SC2086  # a list of words
    set -- $missing
    for package in "$@"; do own package - "$package"; done
    if [ $# -gt 0 ] && change "install:$missing"; then
        if [ -n "$offline" ]; then
            quietly env DEBIAN_FRONTEND=noninteractive dpkg -i -E -G "$offline"/*.deb
        else
            quietly apt-get update
            quietly env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
        fi
    fi
    stop_after packages
}

accounts_step() {
    step accounts "user ccsbox, groups of the devices" "systemd-sysusers says why above; /etc must be writable, /etc/passwd and /etc/group must not be locked (rm /etc/.pwd.lock)."
    put_file 644 "$source/install/system/ccsbox.sysusers" /etc/sysusers.d/ccsbox.conf
    if [ ! -f "$root/etc/passwd" ] || [ ! -f "$root/etc/group" ]; then
        tell "There are no users below $root: run systemd-sysusers in the image."
    else
        accounts=
        for name in i2c gpio spi; do
            grep -q "^$name:" "$root/etc/group" || { own group - "$name"; accounts="$accounts $name"; }
        done
        grep -q '^ccsbox:' "$root/etc/passwd" || { own user - ccsbox; accounts="$accounts ccsbox"; }
        if [ -n "$accounts" ] && change "make:$accounts"; then
            quietly systemd-sysusers ${root:+"--root=$root"} "$source/install/system/ccsbox.sysusers"
        fi
    fi
    stop_after accounts
}

# configuration_step: the first one is written, later ones are kept; what was asked for by an option is set, nothing else.
configuration_step() {
    step configuration "/etc/ccsbox/config.yaml" "The sentence above names the key. Mend it in /etc/ccsbox/config.yaml (all keys: $source/config.yaml), then run this again."
    put_dir /etc/ccsbox
    put_dir /var/lib
    wanted_config=$work/config.yaml
    if [ -f "$etc_config" ]; then
        cp "$etc_config" "$wanted_config"
        if [ -n "$interface" ]; then set_key interface "$interface"; fi
        if [ -n "$mode" ]; then set_key mode "$mode"; fi
        if [ -n "$board" ]; then set_key board "$board"; fi
        changed_config="$(diff "$etc_config" "$wanted_config" | sed -n 's/^> //p' | tr '\n' ';' | sed 's/;$//; s/;/; /g')"
    else
        first_configuration > "$wanted_config"
        changed_config="written: mode $chosen_mode, interface $chosen_interface, board $chosen_board"
    fi
    if [ "$pass" = act ]; then
        # what the new release refuses would leave a box that does not start: the old one stays in force
        (cd / && quietly "$root$path/venv/bin/python" -B "$root$path/main.py" --config "$wanted_config" --print-config)
    fi
    if ! cmp -s "$wanted_config" "$etc_config" && change "/etc/ccsbox/config.yaml: $changed_config"; then
        cp "$wanted_config" "$etc_config.ccsbox-new"
        chmod 640 "$etc_config.ccsbox-new"
        if [ -n "$live" ]; then chgrp ccsbox "$etc_config.ccsbox-new"; fi
        sync "$etc_config.ccsbox-new"
        mv "$etc_config.ccsbox-new" "$etc_config"
    fi
    tell_additions
    stop_after configuration
}

# first_configuration: only what is not a default, because the box reads it at each start.
first_configuration() {
    echo "# The box, as install/install.sh has made it. Every other setting has its default: /opt/ccsbox/current/config.yaml lists them all with"
    echo "# unit, range and meaning; copy here what is to be another. After a change: sudo systemctl restart ccsbox; ccsbox doctor"
    echo "mode: $chosen_mode"
    echo "interface: $chosen_interface"
    echo "board: $chosen_board"
    echo "bridge:"
    echo "  learned_file: /var/lib/ccsbox/learned.json"
    grep -q '^peer_log:' "$source/config.yaml" && printf 'peer_log:\n  file: /var/lib/ccsbox/secc-log.csv\n'
    grep -q '^sessions:' "$source/config.yaml" && printf 'sessions:\n  folder: /var/lib/ccsbox/sessions\n'
    [ -z "$chosen_can" ] || printf 'can:\n  channel: %s\n' "$chosen_can"
}

# set_key KEY VALUE: a key at the left margin, with what stands behind it kept.
set_key() {
    if grep -q "^$1:" "$wanted_config"; then
        sed -i "s/^$1:[[:space:]]*[^[:space:]#]*/$1: $2/" "$wanted_config"
    else
        sed -i "1i $1: $2" "$wanted_config"
    fi
}

# tell_additions: settings of this release that the one before had not stand in config.yaml.new.
tell_additions() {
    if [ -n "$in_force" ] && [ "$in_force" != "$release" ] && [ -f "$opt/releases/$in_force/config.yaml" ]; then
        added=$("$PYTHON" -B "$source/install/lib/added_keys.py" "$opt/releases/$in_force/config.yaml" "$source/config.yaml" | tr '\n' ' ')
        [ -n "$added" ] || return 0
        tell "New settings, at their defaults, explained in /etc/ccsbox/config.yaml.new: $added"
        put_file 644 "$source/config.yaml" /etc/ccsbox/config.yaml.new
    elif [ -f "$etc_config.new" ]; then
        own file "$(sha256sum < "$etc_config.new" | cut -d ' ' -f 1)" /etc/ccsbox/config.yaml.new
    fi
}

files_step() {
    step files "units, udev rules, limits of the journal" "Is /etc writable? df -h /; mount | grep ' / '"
    units=/etc/systemd/system
    put_file 644 "$source/install/system/ccsbox.service" $units/ccsbox.service
    put_file 644 "$source/install/system/ccsbox-can@.service" $units/ccsbox-can@.service
    put_file 644 "$source/install/system/ccsbox-interface@.service" $units/ccsbox-interface@.service
    put_file 644 "$source/install/system/ccsbox.tmpfiles" /etc/tmpfiles.d/ccsbox.conf
    put_file 644 "$source/install/system/60-ccsbox.rules" /etc/udev/rules.d/60-ccsbox.rules
    put_file 644 "$source/install/system/ccsbox-modules.conf" /etc/modules-load.d/ccsbox.conf
    put_file 644 "$source/install/system/ccsbox-journald.conf" /etc/systemd/journald.conf.d/50-ccsbox.conf
    put_file 755 "$source/install/system/ccsbox" /usr/local/bin/ccsbox
    # systemd-tmpfiles makes it below, with its owner; somebody may have taken it away since
    [ -z "$live" ] || [ -d "$root/var/lib/ccsbox" ] || change "/var/lib/ccsbox, the folder of its data" || true
    waited_for=
    wait_for "/sys/subsystem/net/devices/$chosen_interface"
    case $chosen_mode:$chosen_board in
        listen:*) ;;
        *:raspberry_pi) wait_for /dev/i2c-1 ;;
        *:beaglebone | *:focccicape) wait_for /dev/i2c-2 ;;
    esac
    [ -z "$chosen_can" ] || wait_for "/sys/subsystem/net/devices/$chosen_can"
    put_text 644 "# Devices of this box, by install/install.sh; when one is missing the start waits for it no longer than its own limit, and goes on.
# can: $chosen_can
[Unit]
Wants=$waited_for
After=$(interface_unit) $waited_for${chosen_can:+ $(can_unit)}

[Service]
# main.py refuses an interface that is down; also where udev tells nobody that it has come
ExecStartPre=+-/usr/sbin/ip link set dev $chosen_interface up" "$DEVICES_DROPIN"
    begun="ACTION==\"add\", SUBSYSTEM==\"net\", RUN+=\"/usr/bin/systemctl --no-block start $(interface_unit)\""
    put_text 644 "# udev(7): the modem's interface has come, under its own name or renamed by 80-net-setup-link.rules
KERNEL==\"$chosen_interface\", ENV{ID_NET_NAME}==\"\", $begun
ENV{ID_NET_NAME}==\"$chosen_interface\", $begun" /etc/udev/rules.d/90-ccsbox-interface.rules
    # switched on once: who has switched it off knows why. Decided while the manifest is still that of the run before
    if [ "$pass" = plan ]; then
        switched_off=
        if was_ours $units/multi-user.target.wants/ccsbox.service && [ ! -L "$root$units/multi-user.target.wants/ccsbox.service" ] && [ -z "$interrupted" ]; then switched_off=1; fi
    fi
    if [ -z "$switched_off" ]; then
        put_link ../ccsbox.service $units/multi-user.target.wants/ccsbox.service
    else
        own link ../ccsbox.service $units/multi-user.target.wants/ccsbox.service
        tell "The service is switched off (systemctl disable); it stays so: sudo systemctl enable --now ccsbox"
    fi
    [ -z "$chosen_can" ] || put_link ../ccsbox-can@.service "$units/$(device_unit "/sys/subsystem/net/devices/$chosen_can").wants/$(can_unit)"
    stop_after files
}

device_unit() { systemd-escape --path --suffix=device "$1"; }
interface_unit() { systemd-escape --template=ccsbox-interface@.service "$chosen_interface"; }
can_unit() { systemd-escape --template=ccsbox-can@.service "$chosen_can"; }

# wait_for PATH: the start waits for this device, but not for ever.
wait_for() {
    waited_for="${waited_for:+$waited_for }$(device_unit "$1")"
    put_text 644 "# ccsbox waits so long for it at the start of the system
[Unit]
JobRunningTimeoutSec=8s" "$units/$(device_unit "$1").d/50-ccsbox.conf"
}

# interface_step: modem-interface.sh knows the files; it writes them into a folder of ours, and from there they are put.
interface_step() {
    step interface "$chosen_interface for the modem alone" "See the sentence above; by hand: sudo $source/install/modem-interface.sh $chosen_interface"
    mkdir -p "$work/interface"
    ROOT=$work/interface sh "$source/install/modem-interface.sh" "$chosen_interface" > /dev/null
    (cd "$work/interface" && find . -type f | sort) > "$work/interface-files"
    before_interface=$changes
    while read -r file; do
        put_file "$(stat -c %a "$work/interface/$file")" "$work/interface/$file" "${file#.}"
    done < "$work/interface-files"
    if [ -n "$live" ] && [ "$(cat "/proc/sys/net/ipv6/conf/$chosen_interface/disable_ipv6" 2> /dev/null || echo 1)" = 0 ]; then
        change "the operating system's IPv6 on $chosen_interface is switched off" || true
    fi
    if [ -n "$live" ] && [ "$pass" = act ] && [ "$changes" != "$before_interface" ]; then
        sh "$source/install/modem-interface.sh" "$chosen_interface" | sed 's/^/        /'
    fi
    stop_after interface
}

# firmware_step: one marked block in config.txt of a Raspberry Pi.
firmware_step() {
    step firmware "I2C at 400 kHz, CAN controller" "Is the boot partition writable and not full? df -h /boot/firmware; a damaged FAT: sudo fsck /dev/mmcblk0p1"
    if [ -n "$raspberry" ]; then
        own block - /boot/firmware/config.txt
        {
            without_block "$firmware_config"
            # the newline that somebody's last line has not belongs to our block, and goes with it
            if [ -n "$(without_block "$firmware_config" | tail -c 1)" ]; then printf '\n%s, and the newline before it\n' "$BLOCK_BEGIN"; else printf '%s\n' "$BLOCK_BEGIN"; fi
            printf '[all]\ndtparam=i2c_arm=on,i2c_arm_baudrate=400000\n'
            [ -z "$chosen_overlay" ] || printf 'dtparam=spi=on\ndtoverlay=%s\n' "$chosen_overlay"
            printf '%s\n' "$BLOCK_END"
        } > "$work/firmware"
        if ! cmp -s "$work/firmware" "$firmware_config" && change "/boot/firmware/config.txt: our block; in force after a restart of the board"; then
            replace_in_place "$work/firmware" "$firmware_config"
            tell "Restart the board once, for /boot/firmware/config.txt: sudo reboot"
        fi
        [ -z "$chosen_can" ] || [ -n "$chosen_overlay" ] || [ -e "/sys/class/net/$chosen_can" ] || [ -n "$root" ] ||
            tell "There is no $chosen_can yet. For a CAN controller at SPI: --can-overlay mcp2515-can0,oscillator=12000000,interrupt=25 (see what is printed on its crystal)."
    fi
    stop_after firmware
}
BLOCK_BEGIN="# >>> ccsbox: written by install.sh, removed by install.sh --uninstall"
BLOCK_END="# <<< ccsbox"

# without_block FILE: the file of others, to the last octet.
without_block() {
    awk -v begin="$BLOCK_BEGIN" -v end="$BLOCK_END" '
        index($0, begin) == 1 { skip = 1; cut = index($0, "newline before") > 0; next }
        skip && $0 == end { skip = 0; next }
        !skip { if (held) printf "%s\n", line; line = $0; held = 1 }
        END { if (held) printf "%s", line; if (held && !cut) printf "\n" }' "$1" > "$work/without"
    # awk ends the last line; a file without a last newline and without a block keeps it so
    if [ -s "$1" ] && [ -n "$(tail -c 1 "$1")" ] && ! grep -Fq "$BLOCK_BEGIN" "$1"; then cat "$1"; else cat "$work/without"; fi
}

# replace_in_place FROM TO: a rename on the same file system, mode kept.
replace_in_place() {
    cp "$1" "$2.ccsbox-new"
    chmod "$(stat -c %a "$2")" "$2.ccsbox-new"
    sync "$2.ccsbox-new"
    mv "$2.ccsbox-new" "$2"
    sync "$(dirname "$2")"
}

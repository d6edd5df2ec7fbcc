# shellcheck shell=sh
# --uninstall: takes away exactly what the manifest names. Configuration and data stay without --purge. Sourced by install.sh (POSIX sh).

uninstall() {
    step_name=uninstall remedy="run it again; it goes on where it stopped"
    if [ ! -f "$manifest" ] && [ -z "$purge" ]; then
        echo "ccsbox is not installed here ($manifest is missing): nothing to do."
        return 0
    fi
    if [ -n "$dry_run" ]; then
        echo "would remove:"
        [ ! -f "$manifest" ] || cut -f 3 "$manifest"
        [ -z "$purge" ] || printf '%s\n' /etc/ccsbox /var/lib/ccsbox "user ccsbox"
        return 0
    fi
    ask "Remove ccsbox${purge:+, its configuration, its data and its user}?"
    pass=act
    packages=$(listed package | tr '\n' ' ')
    groups=$(listed group)
    if [ -n "$live" ]; then
        stop_box
        for unit in $(listed link | sed -n 's|.*/\(ccsbox-can@.*\.service\)$|\1|p'); do quietly systemctl stop "$unit" || say "$unit did not stop"; done
        if [ -n "$configured_interface" ] && was_ours "/etc/systemd/network/05-ccsbox-$configured_interface.network"; then
            sh "$source/install/modem-interface.sh" --undo "$configured_interface"
        fi
    fi
    stop_after uninstall-stopped
    [ ! -f "$manifest" ] || remove_listed
    if [ -n "$purge" ]; then
        rm -rf "$root/etc/ccsbox" "$root/var/lib/ccsbox" "$root/run/ccsbox"
        # folders of ours that held nothing else: what was in them has gone only now
        [ ! -f "$work/dirs" ] || while read -r path; do rmdir --ignore-fail-on-non-empty "$root$path" 2> /dev/null || true; done < "$work/dirs"
        if [ -n "$live" ] && getent passwd ccsbox > /dev/null; then quietly userdel ccsbox; fi
        if [ -n "$live" ] && getent group ccsbox > /dev/null; then quietly groupdel ccsbox; fi
    fi
    if [ -n "$live" ]; then
        for group in $groups; do
            others=$(getent group "$group" | cut -d : -f 4 | tr ',' '\n' | grep -vx ccsbox || true)
            if [ -n "$others" ]; then say "the group $group stays, it has other members"; else quietly groupdel -f "$group"; fi
        done
        systemctl daemon-reload
        if command -v udevadm > /dev/null; then udevadm control --reload; fi
        quietly systemctl restart systemd-journald.service
    fi
    echo "ccsbox is removed."
    [ -n "$purge" ] || echo "Kept: /etc/ccsbox, /var/lib/ccsbox, the user ccsbox, to whom they belong; --uninstall --purge removes them."
    [ -z "$packages" ] || remove_packages
}

# remove_packages: only those that this program installed.
remove_packages() {
    if [ -n "$purge_packages" ] && [ -n "$live" ]; then
        # shellcheck disable=SC2086  # a list of words
        quietly env DEBIAN_FRONTEND=noninteractive apt-get remove -y $packages
        echo "Debian packages removed: $packages"
    else
        echo "Debian packages that it had installed, and that stay: $packages(sudo apt-get remove $packages)"
    fi
}

# remove_listed: files and links, trees, our block, then the folders that are empty; the manifest last.
remove_listed() {
    remove_paths < "$manifest"
    for path in $(listed block); do
        [ -f "$root$path" ] || continue
        without_block "$root$path" > "$work/restored"
        rm -f "$root$path.ccsbox-new"
        cmp -s "$work/restored" "$root$path" || replace_in_place "$work/restored" "$root$path"
    done
    stop_after uninstall-files
    rm -f "$opt/.unfinished" "$manifest.new" "$etc_config.ccsbox-new"
    listed dir | LC_ALL=C sort -r > "$work/dirs"
    rm -f "$manifest"
    while read -r path; do
        rmdir --ignore-fail-on-non-empty "$root$path" 2> /dev/null || [ ! -d "$root$path" ] || say "$path stays: it is not empty"
    done < "$work/dirs"
}

# remove_paths: lines of a manifest on standard input.
remove_paths() {
    while IFS=$TAB read -r kind value path; do
        case $kind in
            file)
                if [ "$value" != - ] && [ -f "$root$path" ] && [ "$(sha256sum < "$root$path" | cut -d ' ' -f 1)" != "$value" ]; then
                    say "$path had been changed by hand; removed"
                fi
                rm -f "$root$path" "$root$path.ccsbox-new" ;;
            link) rm -f "$root$path" "$root$path.ccsbox-new" ;;
            tree)
                case $path in
                    /opt/ccsbox/releases/?* | /opt/ccsbox/venv-?*) rm -rf "$root$path" "$root$path.new" ;;
                    *) say "$path is not removed: no tree of ours has such a name" ;;
                esac ;;
        esac
    done
}

# remove_outdated: what an earlier release had and this one has not.
remove_outdated() {
    outdated > "$work/outdated"
    while IFS=$TAB read -r kind path; do
        [ -e "$root$path" ] || [ -L "$root$path" ] || continue
        if change "remove $path"; then
            printf '%s\t-\t%s\n' "$kind" "$path" | remove_paths
            # its folder as well, when it was ours and held nothing else
            path=$(dirname "$path")
            ! listed dir | grep -Fqx "$path" || rmdir --ignore-fail-on-non-empty "$root$path"
        fi
    done < "$work/outdated"
}

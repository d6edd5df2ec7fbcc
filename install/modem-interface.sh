#!/bin/sh
# Gives the modem's network interface to ccsbox alone, now and after each start of the system:
#   sudo ./install/modem-interface.sh eth1          the operating system's IPv6 off; network managers keep it up, without any address
#   sudo ./install/modem-interface.sh --undo eth1   everything as it was
# ROOT=/some/dir: write the files below that folder and change nothing that runs (images, tests). Running it twice harms nothing.
set -eu
root=${ROOT:-}
undo=
[ "${1:-}" = --undo ] && { undo=1; shift; }
interface=${1:-}
case $interface in
    '' | -* | */* | *[!A-Za-z0-9_.:-]*)
        echo "modem-interface.sh: name the interface of the modem: sudo $0 [--undo] eth1 (ip -br link lists them)" >&2
        exit 2 ;;
esac
if [ -z "$root" ]; then
    [ "$(id -u)" = 0 ] || { echo "modem-interface.sh: writes to /etc and needs root: sudo $0 $*" >&2; exit 3; }
    [ -n "$undo" ] || [ -d "/sys/class/net/$interface" ] || { echo "modem-interface.sh: there is no interface $interface; ip -br link lists them" >&2; exit 3; }
    if [ -z "$undo" ] && [ -n "$(ip -4 addr show dev "$interface" scope global)$(ip -6 addr show dev "$interface" scope global)" ]; then
        echo "modem-interface.sh: $interface has addresses of a network: is it really the modem's? If so: ip addr flush dev $interface" >&2
        exit 3
    fi
fi
key=$(printf %s "$interface" | tr . /)           # sysctl.d(5): a dot in a name is written as a slash
sysctl_file=$root/etc/sysctl.d/60-ccsbox-$interface.conf
manager_file=$root/etc/NetworkManager/system-connections/ccsbox-$interface.nmconnection
networkd_file=$root/etc/systemd/network/05-ccsbox-$interface.network

if [ -n "$undo" ]; then
    rm -f "$sysctl_file" "$manager_file" "$networkd_file"
    echo "modem-interface.sh: $interface is an ordinary interface again"
    wanted=0
else
    mkdir -p "$root/etc/sysctl.d" "$root/etc/NetworkManager/system-connections" "$root/etc/systemd/network"
    echo "net.ipv6.conf.$key.disable_ipv6=1" > "$sysctl_file"
    printf '[connection]\nid=ccsbox-%s\ntype=ethernet\ninterface-name=%s\nautoconnect-priority=999\n\n[ipv4]\nmethod=disabled\n\n[ipv6]\nmethod=disabled\n' \
        "$interface" "$interface" > "$manager_file"
    chmod 600 "$manager_file"                    # NetworkManager reads no other
    printf '[Match]\nName=%s\n\n[Network]\nDHCP=no\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n' "$interface" > "$networkd_file"
    echo "modem-interface.sh: wrote $sysctl_file, $manager_file, $networkd_file"
    wanted=1
fi
[ -z "$root" ] || exit 0
[ ! -e "/proc/sys/net/ipv6/conf/$interface" ] || echo $wanted > "/proc/sys/net/ipv6/conf/$interface/disable_ipv6"
[ -n "$undo" ] || ip link set "$interface" up
if command -v nmcli > /dev/null && nmcli general status > /dev/null 2>&1; then
    nmcli connection reload || echo "modem-interface.sh: NetworkManager does not read it; restart it"
fi
if [ -f /etc/dhcpcd.conf ] && [ -z "$undo" ] && ! grep -q "^denyinterfaces.*$interface" /etc/dhcpcd.conf; then
    echo "modem-interface.sh: dhcpcd runs here: add this line to /etc/dhcpcd.conf: denyinterfaces $interface"
fi

#!/bin/sh
# Makes the root file system of an emulated board, once: install/lab/image.sh ARCH FOLDER. About a minute for amd64, 1.5 GB; foreign processors take longer.
# FOLDER gets root.ext4, vmlinuz, initrd, arch. Debian 12 for ARCH (a name in machine.py's table) with systemd; kernel modules for its I2C bus (board-bus.c) and its pins
# (gpio-sim, which no Debian kernel has: taken from Debian's kernel source when this runs) are built against the same kernel.
set -eu
arch=$1 folder=$2
here=$(cd "$(dirname "$0")" && pwd)
uname='' qemu='' cross='' bits='' kernel_package='' board_packages=''
facts=$("${PYTHON:-python3}" "$here/machine.py" "$arch")
eval "$facts"
# the same sources as this computer's, security updates included: the board's packages are as new as those of a board that is kept up
sources=${LAB_SOURCES:-/etc/apt/sources.list.d/debian.sources}
[ -f "$sources" ] || { echo "image.sh: where do Debian's packages come from? LAB_SOURCES=/etc/apt/sources.list (with its security updates)" >&2; exit 3; }
packages=systemd-sysv,udev,dbus,kmod,procps,iproute2,ethtool,python3,python3-venv,python3-pip,libpcap0.8,libgpiod2,python3-libgpiod,$kernel_package,initramfs-tools,zstd,overlayroot,busybox$board_packages
work=$(mktemp -d /var/tmp/ccsbox-lab.XXXXXX)
misc=/proc/sys/fs/binfmt_misc mounted='' registered=''
leave() {
    [ -z "$registered" ] || echo -1 > "$registered"
    [ -z "$mounted" ] || umount "$misc"
    rm -rf "$work"
}
trap leave EXIT
trap 'exit 1' HUP INT TERM

# programs of another processor are run by qemu-user, of which Linux has to be told; what the system has already is taken as it is
if [ "$(dpkg --print-architecture)" != "$arch" ] && ! arch-test "$arch" > /dev/null 2>&1; then
    if [ ! -e "$misc/register" ]; then
        mount -t binfmt_misc binfmt_misc "$misc"
        mounted=1
    fi
    cat "/usr/lib/binfmt.d/qemu-$qemu.conf" > "$misc/register"
    registered=$misc/qemu-$qemu
    echo "for the time of this script Linux runs programs for $uname with qemu-user (binfmt_misc)"
fi

echo "root file system"
mkdir "$work/debs"
export debs="$work/debs"
# shellcheck disable=SC2016  # $1 is mmdebstrap's; the headers come from where the kernel has come from, so that they are of one version
mmdebstrap --quiet --mode=root --variant=minbase --arch="$arch" --include="$packages" \
    --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='Acquire::Check-Date "false"' --aptopt='APT::Sandbox::User "root"' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --essential-hook='mkdir -p "$1/etc/initramfs-tools/conf.d"; printf "MODULES=list\nCOMPRESS=zstd\nRESUME=none\n" > "$1/etc/initramfs-tools/conf.d/lab"
        printf "virtio_pci\nvirtio_blk\next4\noverlay\n" > "$1/etc/initramfs-tools/modules"' \
    --customize-hook='kernel=$(ls "$1/lib/modules"); cd "$debs"
        APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get download -qq "linux-headers-$kernel" "linux-headers-${kernel%-*}-common"' \
    bookworm "$work/root" "$sources"
root=$work/root
kernel=$(ls "$root/lib/modules")

echo "modules for $kernel"
for deb in "$debs"/*.deb; do dpkg -x "$deb" "$work/headers"; done
headers=$work/headers/usr/src/linux-headers-$kernel
# what runs while modules are built (modpost, ...) is this computer's; the headers name their common part by its path in a system
mkdir "$work/headers/usr/lib"
cp -r /usr/lib/linux-kbuild-6.1 "$work/headers/usr/lib/"
# Debian's modpost chooses among these by itself, but takes 64 bit for a module outside the kernel
cp "/usr/lib/linux-kbuild-6.1/scripts/mod/modpost.real-lsb-$bits" "$work/headers/usr/lib/linux-kbuild-6.1/scripts/mod/modpost"
sed -i "s,/usr/src/,$work/headers/usr/src/," "$headers/Makefile"
mkdir "$work/modules"
cp "$here/guest/board-bus.c" "$work/modules/"
tar -C "$work" --strip-components=1 -xf /usr/src/linux-source-6.1.tar.xz linux-source-6.1/drivers/gpio/gpio-sim.c linux-source-6.1/drivers/gpio/gpiolib.h linux-source-6.1/kernel/irq/irq_sim.c
# irq_sim is part of no Debian kernel: it goes into the same module, with the exported one of two functions that do the same here
sed 's/handle_simple_irq(irq_to_desc(irqnum));/generic_handle_irq(irqnum);/' "$work/kernel/irq/irq_sim.c" > "$work/modules/irq_sim.c"
# without its table for device trees, which nothing here reads: Debian's modpost for 32 bit counts 200 octets an entry and stops at ARM's 196
sed '/^MODULE_DEVICE_TABLE(of,/d' "$work/drivers/gpio/gpio-sim.c" > "$work/modules/gpio_sim_main.c"
cp "$work/drivers/gpio/gpiolib.h" "$work/modules/"
printf 'obj-m := board-bus.o gpio-sim.o\ngpio-sim-y := gpio_sim_main.o irq_sim.o\n' > "$work/modules/Makefile"
make -s -C "$headers" M="$work/modules" CROSS_COMPILE="$cross" modules
install -D -m 644 -t "$root/lib/modules/$kernel/extra" "$work"/modules/*.ko
chroot "$root" depmod "$kernel"

printf 'i2c-dev\nboard-bus\ngpio-sim\nvcan\ncan-raw\n' > "$root/etc/modules-load.d/lab.conf"
echo board > "$root/etc/hostname"
echo '127.0.0.1 localhost board' > "$root/etc/hosts"
echo '/dev/vda / ext4 defaults,noatime 0 1' > "$root/etc/fstab"
chroot "$root" passwd -d root > /dev/null
ln -sf /usr/lib/systemd/system/multi-user.target "$root/etc/systemd/system/default.target"
for program in lab-hardware lab-agent lab-plant; do install -D -m 755 -t "$root/usr/local/lib/lab" "$here/guest/$program"; done
for unit in lab-hardware lab-agent lab-plant; do install -D -m 644 -t "$root/etc/systemd/system" "$here/guest/$unit.service"; done
chroot "$root" systemctl --quiet enable lab-hardware.service lab-agent.service lab-plant.service
mkdir -p "$folder"
cp "$root"/boot/vmlinuz-* "$folder/vmlinuz"
cp "$root"/boot/initrd.img-* "$folder/initrd"
printf '%s\n' "$arch" > "$folder/arch"
rm -f "$folder/root.ext4"
truncate -s 2G "$folder/root.ext4"
# nothing left for the kernel to initialise later: what is written at rest shall be the box's
mkfs.ext4 -q -F -E lazy_itable_init=0,lazy_journal_init=0 -d "$root" "$folder/root.ext4"

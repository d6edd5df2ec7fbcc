#!/bin/sh
# Makes the root file system of an emulated board, once: install/lab/image.sh FOLDER. About a minute, 1.5 GB.
# FOLDER gets root.ext4, vmlinuz, initrd. Debian 12 for amd64 with systemd; kernel modules for its I2C bus (board-bus.c) and its pins
# (gpio-sim, which no Debian kernel has: taken from Debian's kernel source when this runs) are built against the same kernel.
set -eu
folder=$1
here=$(cd "$(dirname "$0")" && pwd)
# the same sources as this computer's, security updates included: kernel and headers must be of one version
sources=${LAB_SOURCES:-/etc/apt/sources.list.d/debian.sources}
[ -f "$sources" ] || { echo "image.sh: where do Debian's packages come from? LAB_SOURCES=/etc/apt/sources.list (with its security updates)" >&2; exit 3; }
packages=systemd-sysv,udev,dbus,kmod,procps,iproute2,ethtool,python3,python3-venv,python3-pip,libpcap0.8,libgpiod2,python3-libgpiod,linux-image-amd64,initramfs-tools,zstd
work=$(mktemp -d /var/tmp/ccsbox-lab.XXXXXX)
trap 'rm -rf "$work"' EXIT

kernel=$(basename "$(find /usr/src -maxdepth 1 -name 'linux-headers-*-amd64' | sort -V | tail -n 1)")
kernel=${kernel#linux-headers-}
echo "modules for $kernel"
mkdir "$work/modules"
cp "$here/guest/board-bus.c" "$work/modules/"
tar -C "$work" --strip-components=1 -xf /usr/src/linux-source-6.1.tar.xz linux-source-6.1/drivers/gpio/gpio-sim.c linux-source-6.1/drivers/gpio/gpiolib.h linux-source-6.1/kernel/irq/irq_sim.c
# irq_sim is part of no Debian kernel: it goes into the same module, with the exported one of two functions that do the same here
sed 's/handle_simple_irq(irq_to_desc(irqnum));/generic_handle_irq(irqnum);/' "$work/kernel/irq/irq_sim.c" > "$work/modules/irq_sim.c"
cp "$work/drivers/gpio/gpio-sim.c" "$work/modules/gpio_sim_main.c"
cp "$work/drivers/gpio/gpiolib.h" "$work/modules/"
printf 'obj-m := board-bus.o gpio-sim.o\ngpio-sim-y := gpio_sim_main.o irq_sim.o\n' > "$work/modules/Makefile"
make -s -C "/usr/src/linux-headers-$kernel" M="$work/modules" modules

echo "root file system"
# shellcheck disable=SC2016  # $1 is mmdebstrap's
mmdebstrap --quiet --mode=root --variant=minbase --arch=amd64 --include="$packages" \
    --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='Acquire::Check-Date "false"' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --essential-hook='mkdir -p "$1/etc/initramfs-tools/conf.d"; printf "MODULES=list\nCOMPRESS=zstd\nRESUME=none\n" > "$1/etc/initramfs-tools/conf.d/lab"
        printf "virtio_pci\nvirtio_blk\next4\noverlay\n" > "$1/etc/initramfs-tools/modules"' \
    bookworm "$work/root" "$sources"
root=$work/root
[ -d "$root/lib/modules/$kernel" ] || { echo "image.sh: the kernel of the image is $(ls "$root/lib/modules"), the headers here are for $kernel: apt-get upgrade linux-headers-amd64" >&2; exit 3; }
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
rm -f "$folder/root.ext4"
truncate -s 2G "$folder/root.ext4"
# nothing left for the kernel to initialise later: what is written at rest shall be the box's
mkfs.ext4 -q -F -E lazy_itable_init=0,lazy_journal_init=0 -d "$root" "$folder/root.ext4"

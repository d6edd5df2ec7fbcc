#!/bin/sh
# Makes the root file system of an emulated board, once: install/lab/image.sh FOLDER ARCH SUITE [raspberry]. Two minutes for amd64, 1.5 GB; foreign processors take longer.
# FOLDER gets root.ext4, vmlinuz, initrd, system, and a Raspberry Pi's board.dtb. Debian with systemd (systems.py says of what); kernel modules for its I2C bus
# (board-bus.c) and its pins (gpio-sim, which no Debian kernel has: taken from Debian's kernel source when this runs) are built against the same kernel.
set -eu
folder=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
arch=$1 suite=$2 raspberry=${3:-}
board_uname='' qemu='' qemu_user='' qemu_machine='' qemu_cpu='' memory='' cross='' bits='' packages='' kernel_arch='' compiler='' linux_source='' debian=''
facts=$("${PYTHON:-python3}" "$here/systems.py" "$@")
eval "$facts"
work=$(mktemp -d /var/tmp/ccsbox-lab.XXXXXX)
misc=/proc/sys/fs/binfmt_misc mounted='' registered=''
leave() {
    [ -z "$registered" ] || echo -1 > "$registered"
    [ -z "$mounted" ] || umount "$misc"
    rm -rf "$work"
}
trap leave EXIT
trap 'exit 1' HUP INT TERM

# The same sources as this computer's, of the board's release: its packages are as new as those of a board that is kept up. But a mirror's
# updates for a rare processor do not always fit together: then the release without them, and that is said.
sources_here=/etc/apt/sources.list.d/debian.sources
released=$work/board.d/lab.sources sources=${LAB_SOURCES:-$work/board.d/lab.sources}
mkdir -p "$work/board.d" "$work/lists/partial" "$work/archives/partial"
if [ -f "$sources_here" ]; then
    sed "/^Suites:/s/$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)/$suite/g" "$sources_here" > "$released"
else
    [ -n "${LAB_SOURCES:-}" ] || { echo "image.sh: where do Debian's packages come from? LAB_SOURCES=/etc/apt/sources.list (with its security updates)" >&2; exit 3; }
    cp "$LAB_SOURCES" "$released"
fi
cp "$released" "$work/here.sources"              # for the programs of this computer's kind that make the modules
if [ -z "${LAB_SOURCES:-}" ]; then
    : > "$work/status"
    if ! apt-get -qq -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$work/board.d" -o "Dir::State::lists=$work/lists" -o "Dir::State::status=$work/status" \
        -o "Dir::Cache::archives=$work/archives" -o "APT::Architecture=$arch" -o "APT::Architectures=$arch" -o APT::Sandbox::User=root update > "$work/update" 2>&1; then
        echo "the updates of $suite for $arch do not fit together today; the release without them:"
        grep -m 1 '^E:' "$work/update" || true
        awk 'BEGIN { RS = ""; ORS = "\n\n" } !/security/' "$released" | sed "s/^Suites:.*/Suites: $suite/" > "$work/without"
        mv "$work/without" "$released"
    fi
fi

# programs of another processor are run by qemu-user, of which Linux has to be told; what the system has already is taken as it is
if [ "$(dpkg --print-architecture)" != "$arch" ] && ! arch-test "$arch" > /dev/null 2>&1; then
    if [ ! -e "$misc/register" ]; then
        mount -t binfmt_misc binfmt_misc "$misc"
        mounted=1
    fi
    cat "/usr/lib/binfmt.d/qemu-$qemu_user.conf" > "$misc/register"
    registered=$misc/qemu-$qemu_user
    echo "for the time of this script Linux runs programs for $board_uname with qemu-user (binfmt_misc)"
fi

# bootstrap ARCHITECTURES PACKAGES FOLDER SOURCES [mmdebstrap's options]
bootstrap() {
    architectures=$1 included=$2 target=$3 from=$4
    shift 4
    mmdebstrap --quiet --mode=root --variant=minbase --architectures="$architectures" --include="$included" \
        --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='Acquire::Check-Date "false"' --aptopt='APT::Sandbox::User "root"' \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' "$@" "$suite" "$target" "$from"
}

echo "root file system: Debian $debian ($suite) for $arch"
mkdir "$work/debs"
export debs="$work/debs" kernel_arch
# shellcheck disable=SC2016  # $1 is mmdebstrap's; the headers come from where the kernel has come from, so that they are of one version
bootstrap "$(echo "$arch $kernel_arch" | tr ' ' '\n' | uniq | paste -sd ,)" "$packages" "$work/root" "$sources" \
    --essential-hook='mkdir -p "$1/etc/initramfs-tools/conf.d"; printf "MODULES=list\nCOMPRESS=zstd\nRESUME=none\n" > "$1/etc/initramfs-tools/conf.d/lab"
        printf "virtio_pci\nvirtio_blk\next4\noverlay\n" > "$1/etc/initramfs-tools/modules"' \
    --customize-hook='kernel=$(ls "$1/lib/modules"); cd "$debs"
        APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get download -qq "linux-headers-$kernel:$kernel_arch" "linux-headers-${kernel%-*}-common"'
root=$work/root
kernel=$(ls "$root/lib/modules")

# In a system of the same release, for this computer: compiler, kbuild and headers are then of one kind, whatever runs here.
echo "modules for $kernel"
kbuild=$(dpkg-deb -f "$debs/linux-headers-$kernel"_*.deb Depends | grep -o 'linux-kbuild-[^ ,]*' | head -n 1)
bootstrap amd64 "make,xz-utils,$compiler,$linux_source,$kbuild" "$work/build" "$work/here.sources"
# without their /lib (a link to /usr/lib there, a folder in Debian 12's packages)
for deb in "$debs"/*.deb; do dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$work/build" ./usr; done
# Debian's modpost chooses among these by itself, but takes 64 bit for a module outside the kernel
scripts=$work/build/usr/lib/$kbuild/scripts/mod
cp "$scripts/modpost.real-lsb-$bits" "$scripts/modpost"
modules=$work/build/root/modules
mkdir "$modules"
cp "$here/guest/board-bus.c" "$modules/"
tar -C "$modules" --strip-components=3 -xf "$work/build/usr/src/$linux_source.tar.xz" "$linux_source"/drivers/gpio/gpio-sim.c "$linux_source"/drivers/gpio/gpiolib.h "$linux_source"/kernel/irq/irq_sim.c
# irq_sim is part of no Debian kernel: it goes into the same module, with the exported one of two functions that do the same here
sed -i 's/handle_simple_irq(irq_to_desc(irqnum));/generic_handle_irq(irqnum);/' "$modules/irq_sim.c"
# without its table for device trees, which nothing here reads: Debian's modpost for 32 bit counts 200 octets an entry and stops at ARM's 196
sed '/^MODULE_DEVICE_TABLE(of,/d' "$modules/gpio-sim.c" > "$modules/gpio_sim_main.c"
rm "$modules/gpio-sim.c"
printf 'obj-m := board-bus.o gpio-sim.o\ngpio-sim-y := gpio_sim_main.o irq_sim.o\n' > "$modules/Makefile"
chroot "$work/build" make -s -C "/usr/src/linux-headers-$kernel" M=/root/modules CROSS_COMPILE="$cross" modules
install -D -m 644 -t "$root/lib/modules/$kernel/extra" "$modules"/*.ko
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
if [ -n "$raspberry" ]; then
    # what an installer may go by or stumble over: the name of the 32-bit system, its groups, the firmware's FAT (no owners, no modes), the board's name
    if [ "$kernel_arch" != "$arch" ]; then
        sed -i "s/^ID=.*/ID=raspbian\nID_LIKE=debian/; s/Debian GNU/Raspbian GNU/" "$root/etc/os-release"
    fi
    for group in gpio i2c spi; do chroot "$root" groupadd --force --system "$group"; done
    mkdir -p "$root/boot/firmware"
    mkfs.vfat -C "$root/boot/firmware.fat" 16384 > /dev/null
    mcopy -i "$root/boot/firmware.fat" "$here/guest/config.txt" ::config.txt
    echo '/boot/firmware.fat /boot/firmware vfat loop,defaults 0 0' >> "$root/etc/fstab"
    "qemu-system-$qemu" -M "$qemu_machine,dumpdtb=$folder/board.dtb" -cpu "$qemu_cpu" -m "$memory" -nodefaults -display none
    fdtput -t s "$folder/board.dtb" / model "Raspberry Pi 3 Model B Rev 1.2"
    fdtput -t s "$folder/board.dtb" / compatible raspberrypi,3-model-b brcm,bcm2837 linux,dummy-virt
fi
cp "$root"/boot/vmlinuz-* "$folder/vmlinuz"
cp "$root"/boot/initrd.img-* "$folder/initrd"
printf '%s\n' "$*" > "$folder/system"
rm -f "$folder/root.ext4"
truncate -s 2G "$folder/root.ext4"
# nothing left for the kernel to initialise later: what is written at rest shall be the box's
mkfs.ext4 -q -F -E lazy_itable_init=0,lazy_journal_init=0 -d "$root" "$folder/root.ext4"

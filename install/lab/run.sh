#!/bin/sh
# The whole life of a box on an emulated board: sudo ./install/lab/run.sh [--cuts N] [--upgrade-from COMMIT] [--arch arm64|armhf] [--keep]
# Debian 12 on amd64; the board has that processor too, or another one of machine.py's table. The image and the packages are made
# once and kept in CCSBOX_LAB (default /var/tmp/ccsbox-lab); a run takes some minutes, with another processor's board twice as many.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
# shellcheck source=install/venv.sh
. "$root/install/venv.sh"
cache=${CCSBOX_LAB:-/var/tmp/ccsbox-lab}
[ "$(id -u)" = 0 ] || { say "run.sh: makes network interfaces and a file system: sudo $0"; exit 3; }
[ "$(uname -m)" = x86_64 ] || { say "run.sh: the lab runs on amd64; this computer is $(uname -m)"; exit 3; }
arch=amd64 before=''
for word in "$@"; do
    [ "$before" != --arch ] || arch=$word
    case $word in --arch=*) arch=${word#--arch=} ;; esac
    before=$word
done
find_python
uname='' arch_packages=''
facts=$("$PYTHON" "$here/machine.py" "$arch") || exit 2
eval "$facts"
# shellcheck disable=SC2086  # a list of words
need_debian $arch_packages qemu-img=qemu-utils mmdebstrap=mmdebstrap mkfs.ext4=e2fsprogs ip=iproute2 xz=xz-utils make=make cc=gcc || exit 3
base=${CCSBOX_VENV:-$root/.venv}
prepare_venv "$base-test" "$root/install/requirements-test.txt" || exit 3
build_codec "$base-test/bin/python" "$root" || exit 3
mkdir -p "$cache"
# what the image is made of is its name: changed, it is made anew
made=$(cat "$here/image.sh" "$here"/guest/lab-* "$here"/guest/*.c | cksum)
image=$cache/image-$arch wheels=$cache/wheels-$arch
if [ "$(cat "$image/made" 2> /dev/null)" != "$made" ]; then
    if [ ! -d /usr/lib/linux-kbuild-6.1 ] || [ ! -f /usr/src/linux-source-6.1.tar.xz ]; then
        say "installing Debian packages: linux-kbuild-6.1 linux-source-6.1"
        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends linux-kbuild-6.1 linux-source-6.1; } > /dev/null
    fi
    PYTHON=$PYTHON "$here/image.sh" "$arch" "$image"
    printf '%s\n' "$made" > "$image/made"
fi
wanted=$(cat "$root"/install/requirements-box.txt "$root"/install/requirements-32bit.txt "$root"/install/requirements-build.txt "$root/install/make-offline.sh" | cksum)
if [ "$(cat "$wheels.made" 2> /dev/null)" != "$wanted" ]; then
    rm -rf "$wheels"
    PYTHON="$base-test/bin/python" "$root/install/make-offline.sh" --arch "$uname" --python 3.11 "$wheels"
    printf '%s\n' "$wanted" > "$wheels.made"
fi
exec "$base-test/bin/python" "$here" --cache "$cache" "$@"

#!/bin/sh
# The whole life of a box on an emulated board: sudo ./install/lab/run.sh [--cuts N] [--upgrade-from COMMIT] [--keep]
# Debian 12 on amd64. The image and the packages are made once and kept in CCSBOX_LAB (default /var/tmp/ccsbox-lab); a run takes some minutes.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
# shellcheck source=install/venv.sh
. "$root/install/venv.sh"
cache=${CCSBOX_LAB:-/var/tmp/ccsbox-lab}
[ "$(id -u)" = 0 ] || { say "run.sh: makes network interfaces and a file system: sudo $0"; exit 3; }
[ "$(uname -m)" = x86_64 ] || { say "run.sh: the image is for amd64; this computer is $(uname -m)"; exit 3; }
need_debian qemu-system-x86_64=qemu-system-x86 qemu-img=qemu-utils mmdebstrap=mmdebstrap mkfs.ext4=e2fsprogs ip=iproute2 xz=xz-utils make=make cc=gcc || exit 3
base=${CCSBOX_VENV:-$root/.venv}
find_python
prepare_venv "$base-test" "$root/install/requirements-test.txt" || exit 3
build_codec "$base-test/bin/python" "$root" || exit 3
mkdir -p "$cache"
# what the image is made of is its name: changed, it is made anew
made=$(cat "$here/image.sh" "$here"/guest/lab-* "$here"/guest/*.c | cksum)
if [ "$(cat "$cache/image/made" 2> /dev/null)" != "$made" ]; then
    if ! ls -d /usr/src/linux-headers-*-amd64 > /dev/null 2>&1 || [ ! -f /usr/src/linux-source-6.1.tar.xz ]; then
        say "installing Debian packages: linux-headers-amd64 linux-source-6.1"
        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends linux-headers-amd64 linux-source-6.1; } > /dev/null
    fi
    "$here/image.sh" "$cache/image"
    printf '%s\n' "$made" > "$cache/image/made"
fi
[ -n "$(ls "$cache/wheels" 2> /dev/null)" ] || PYTHON="$base-test/bin/python" "$root/install/make-offline.sh" --arch x86_64 --python 3.11 "$cache/wheels"
exec "$base-test/bin/python" "$here" --cache "$cache" "$@"

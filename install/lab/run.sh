#!/bin/sh
# The whole life of a box on an emulated board: sudo ./install/lab/run.sh [--cuts N] [--upgrade-from COMMIT] [--arch arm64|armhf] [--suite trixie] [--raspberry] [--keep]
# Runs on a Debian of amd64; the board is one of those in systems.py. The image and the packages are made
# once and kept in CCSBOX_LAB (default /var/tmp/ccsbox-lab); a run takes some minutes, with another processor's board twice as many.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
# shellcheck source=install/venv.sh
. "$root/install/venv.sh"
cache=${CCSBOX_LAB:-/var/tmp/ccsbox-lab}
[ "$(id -u)" = 0 ] || { say "run.sh: makes network interfaces and a file system: sudo $0"; exit 3; }
[ "$(uname -m)" = x86_64 ] || { say "run.sh: the lab runs on amd64; this computer is $(uname -m)"; exit 3; }
arch=amd64 suite=bookworm raspberry='' before=''
for word in "$@"; do
    case $before in --arch) arch=$word ;; --suite) suite=$word ;; esac
    case $word in --arch=*) arch=${word#--arch=} ;; --suite=*) suite=${word#--suite=} ;; --raspberry) raspberry=raspberry ;; esac
    before=$word
done
find_python
name='' wheels='' board_uname='' python='' tools_here=''
# shellcheck disable=SC2086  # a word or none
facts=$("$PYTHON" "$here/systems.py" "$arch" "$suite" $raspberry) || exit 2
eval "$facts"
# shellcheck disable=SC2086  # a list of words
need_debian $tools_here qemu-img=qemu-utils mmdebstrap=mmdebstrap mkfs.ext4=e2fsprogs ip=iproute2 make=make cc=gcc || exit 3
base=${CCSBOX_VENV:-$root/.venv}
prepare_venv "$base-test" "$root/install/requirements-test.txt" || exit 3
build_codec "$base-test/bin/python" "$root" || exit 3
mkdir -p "$cache"
# what the image is made of is its name: changed, it is made anew
made=$(printf '%s' "$facts" | cat - "$here/image.sh" "$here"/guest/lab-* "$here"/guest/*.c "$here/guest/config.txt" | cksum)
image=$cache/image-$name wheels=$cache/wheels-$wheels
if [ "$(cat "$image/made" 2> /dev/null)" != "$made" ]; then
    # shellcheck disable=SC2086  # a word or none
    PYTHON=$PYTHON "$here/image.sh" "$image" "$arch" "$suite" $raspberry
    printf '%s\n' "$made" > "$image/made"
fi
wanted=$(cat "$root"/install/requirements-box.txt "$root"/install/requirements-32bit.txt "$root"/install/requirements-build.txt "$root/install/make-offline.sh" | cksum)
if [ "$(cat "$wheels.made" 2> /dev/null)" != "$wanted" ]; then
    rm -rf "$wheels"
    PYTHON="$base-test/bin/python" "$root/install/make-offline.sh" --arch "$board_uname" --python "$python" "$wheels"
    printf '%s\n' "$wanted" > "$wheels.made"
fi
exec "$base-test/bin/python" "$here" --cache "$cache" "$@"

#!/bin/sh
# Fills a folder for install.sh --offline, on a computer with a network: ./install/make-offline.sh [options] DIR
#   --arch aarch64|x86_64|armv7l|armv6l    processor of the board as its `uname -m` says (default: this one); 32-bit systems: armv7l or armv6l
#   --python 3.11|3.13                     Python of the board: Debian 12 has 3.11, Debian 13 has 3.13 (default: this one's)
#   --debian                               also the Debian packages; only on a computer with the board's own distribution and processor
# Wheels only: nothing is compiled on the board. Several boards may share one folder.
set -eu
source=$(cd "$(dirname "$0")/.." && pwd -P)
# shellcheck source=install/venv.sh
. "$source/install/venv.sh"

arch=$(uname -m) version='' debian='' folder=''
while [ $# -gt 0 ]; do
    case $1 in
        --arch) arch=${2:-} && shift ;;
        --python) version=${2:-} && shift ;;
        --debian) debian=1 ;;
        --help | -h) sed -n '2,6s/^# //p' "$0"; exit 0 ;;
        -*) say "make-offline.sh: there is no option $1 ($0 --help)"; exit 2 ;;
        *) folder=$1 ;;
    esac
    shift
done
[ -n "$folder" ] || { say "make-offline.sh: name the folder: $0 [options] DIR"; exit 2; }
find_python
[ -n "$version" ] || version=$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
case $version in 3.1[1-9]) ;; *) say "make-offline.sh: --python is 3.11 or newer, such as 3.13, not '$version'"; exit 2 ;; esac
set -- --python-version "$version" --implementation cp
case $arch in
    aarch64 | x86_64) requirements=$source/install/requirements-box.txt ;;
    armv7l | armv6l) requirements=$source/install/requirements-32bit.txt ;;
    *) say "make-offline.sh: --arch is aarch64, x86_64, armv7l or armv6l, not '$arch'"; exit 2 ;;
esac
# Debian 12's C library is 2.36: every manylinux up to that is good
for glibc in 17 24 27 28 31 34 35 36; do set -- "$@" --platform "manylinux_2_${glibc}_$arch"; done
set -- "$@" --platform "manylinux2014_$arch" --platform "linux_$arch"

mkdir -p "$folder"
say "wheels for Python $version on $arch, into $folder"
if ! "$PYTHON" -m pip --version > /dev/null 2>&1; then
    say "make-offline.sh: this Python has no pip. Remedy: sudo apt-get install python3-pip, or PYTHON=/path/of/an/environment/bin/python $0 ..."
    exit 3
fi
"$PYTHON" -m pip download --quiet --disable-pip-version-check --only-binary=:all: "$@" --dest "$folder" -r "$requirements"
if [ -n "$debian" ]; then
    packages="python3-venv"
    case $arch in armv*) packages="$packages python3-pil python3-yaml python3-smbus2 python3-luma.oled python3-libgpiod python3-serial python3-can python3-paho-mqtt python3-tornado" ;; esac
    if apt-cache show libpcap0.8t64 > /dev/null 2>&1; then packages="$packages libpcap0.8t64"; else packages="$packages libpcap0.8"; fi
    # what a minimal system has not: the packages with all that they need; install.sh takes what is missing
    # shellcheck disable=SC2086  # a list of words
    names=$(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances $packages | grep '^[a-z0-9]' | sort -u)
    # shellcheck disable=SC2086  # a list of words
    (cd "$folder" && apt-get download $names)
fi
say "$(find "$folder" -type f | wc -l) files, $(du -sh "$folder" | cut -f 1). On the board: sudo ./install/install.sh --offline $folder"

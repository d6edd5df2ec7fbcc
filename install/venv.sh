# shellcheck shell=sh
# Makes virtual environments; sourced by run.sh and test.sh (POSIX sh). Speaks to the user on standard error.

say() { printf '%s\n' "$*" >&2; }

# find_python: sets PYTHON to an interpreter of at least 3.11, or leaves with a sentence.
find_python() {
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            PYTHON=$candidate
            return 0
        fi
    done
    found=$("${PYTHON:-python3}" --version 2>/dev/null | head -n 1)
    say "ccsbox needs Python 3.11 or newer, found: ${found:-none}. Debian 12 has it (apt-get install python3 python3-venv); or name one: PYTHON=/path/to/python3.12 $0"
    exit 3
}

# prepare_venv DIR REQUIREMENTS [MODULE]: DIR becomes an environment with what the requirements file asks for.
# Without pip (Debian splits it off), a MODULE that the system's Python already has is good enough.
# Nothing is done when the same requirements were installed before.
prepare_venv() {
    venv=$1 requirements=$2 module=${3:-}
    stamp=$venv/.installed-$(basename "$requirements")
    if [ -f "$stamp" ] && wanted "$requirements" | cmp -s - "$stamp" && "$venv/bin/python" -c '' 2>/dev/null; then
        return 0
    fi
    if ! "$venv/bin/python" -c '' 2>/dev/null; then
        say "making $venv with $("$PYTHON" --version)"
        make_venv || return 1
    fi
    say "installing $(grep -hvE '^(#|-r|$)' "$requirements" | tr '\n' ' ')(some seconds, once)"
    if ! install_packages; then
        if [ -n "$module" ] && "$PYTHON" -c "import $module" 2>/dev/null; then
            say "the package index did not answer; taking the system's own $module instead"
            "$PYTHON" -m venv --clear --without-pip --system-site-packages "$venv" || return 1
        else
            say "cannot install the packages of $requirements. Is the package index reachable? Without it: apt-get install python3-${module:-yaml}, then run this again."
            return 1
        fi
    fi
    wanted "$requirements" > "$stamp"
}

# wanted FILE: the file with what it refers to.
wanted() {
    cat "$1"
    sed -n 's/^-r //p' "$1" | while read -r other; do wanted "$(dirname "$1")/$other"; done
}

make_venv() {
    # --clear empties the folder: only ever one that is an environment already
    if [ -n "$(ls -A "$venv" 2>/dev/null)" ] && [ ! -f "$venv/pyvenv.cfg" ]; then
        say "$venv exists and is no virtual environment; name another folder: CCSBOX_VENV=/some/other/folder $0"
        return 1
    fi
    if "$PYTHON" -c 'import ensurepip' 2>/dev/null; then
        "$PYTHON" -m venv --clear "$venv" && return 0
        say "cannot make $venv (see above). If the folder is not writable: CCSBOX_VENV=/some/other/folder $0"
        return 1
    fi
    # Debian without python3-venv: python3-pip can install into an environment from outside (pip 22.3 and newer)
    if "$PYTHON" -m pip --version >/dev/null 2>&1; then
        "$PYTHON" -m venv --clear --without-pip "$venv" && return 0
    fi
    if [ -n "$module" ] && "$PYTHON" -c "import $module" 2>/dev/null; then
        "$PYTHON" -m venv --clear --without-pip --system-site-packages "$venv" && return 0
    fi
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        say "this Python has no ensurepip; as root I install Debian's python3-venv"
        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv; } >/dev/null && "$PYTHON" -m venv --clear "$venv" && return 0
    fi
    say "this Python has no ensurepip and no pip, so packages cannot be installed. Remedy: sudo apt-get install python3-venv (or python3-yaml, which is enough for the simulation), then run this again."
    return 1
}

install_packages() {
    [ -z "$module" ] || ! "$venv/bin/python" -c "import $module" 2>/dev/null || return 0
    if "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$requirements" >&2
    else
        "$PYTHON" -m pip --python "$venv/bin/python" install --quiet --disable-pip-version-check -r "$requirements" >&2
    fi
}

# build_codec PYTHON ROOT: the EXI library is checked in for common machines; elsewhere it is compiled once per change.
build_codec() {
    sources=$(cat "$2"/exi_native/Makefile "$2"/exi_native/*/*.[ch] "$2"/exi_native/*.py | cksum)
    [ "$(cat "$venv/.codec" 2>/dev/null)" != "$sources" ] || return 0
    if ! (cd "$2" && "$1" -c 'from exi_native.codec import load; load()') 2>/dev/null; then
        if ! command -v make >/dev/null || ! command -v cc >/dev/null; then
            say "there is no EXI library for this machine ($(uname -m)). Remedy: sudo apt-get install gcc make libc6-dev, then run this again to compile it."
            return 1
        fi
        say "no EXI library for this machine ($(uname -m)) yet: compiling it"
        make -s -C "$2/exi_native" >&2 || return 1
    fi
    printf '%s\n' "$sources" > "$venv/.codec"
}

# need_debian COMMAND=PACKAGE...: as root installs the packages whose command is missing, otherwise names them and fails.
need_debian() {
    missing=
    for pair in "$@"; do
        case ${pair%%=*} in
            *.so*) ldconfig -p 2>/dev/null | grep -q "${pair%%=*}" || missing="$missing ${pair#*=}" ;;
            *) PATH=$PATH:/usr/sbin:/sbin command -v "${pair%%=*}" >/dev/null || missing="$missing ${pair#*=}" ;;
        esac
    done
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        say "installing Debian packages:$missing"
        # shellcheck disable=SC2086  # a list of words
        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $missing; } >/dev/null
        return
    fi
    say "missing Debian packages:$missing. Remedy: sudo apt-get install$missing"
    return 1
}

#!/bin/sh
# Runs the tests: ./install/test.sh [pytest options]        everything that needs no other machine's software
#                 ./install/test.sh --interop [case ...]    two processes over a veth pair, and stacks of others (root); --list, --json FILE
#                 ./install/test.sh --fuzz [run|coverage|totals] the EXI library under libFuzzer (clang, llvm)
#                 ./install/test.sh --fuzz-mme [--count N]  a million mutated HomePlug messages: decoder, machines, emulator; a minute
#                 ./install/test.sh --exi-campaign [command] the EXI codec against the oracle of EXI_ORACLE_HOME (java)
#                 ./install/test.sh --matrix [--all ...]    every fault at every message and state; 5000 cases, minutes
#                 ./install/test.sh --matrix --bridge       the same of a CCS-to-CHAdeMO bridge; 25 000 cases, an hour
#                 ./install/test.sh --conformance [...]     DIN 70121 and ISO 15118-2, requirement by requirement; seconds
#                 ./install/test.sh --replay [capture ...]  every recorded session of ../shared, played to our machines; seconds
#                 ./install/test.sh --slac [--seeds N ...]  random SLAC peers within the real-world spread; seconds
#                 ./install/test.sh --tcp [...]             our TCP against the kernel's, every fault of a line, a million hostile segments; minutes
#                 ./install/test.sh --boards [board ...]    the EXI libraries built anew, and run on emulated boards
#                 ./install/test.sh --mutants [file ...]    small mistakes in tasks/safety: would the tests notice? (minutes)
#                 ./install/test.sh --bench                 figures; they never fail
# The first run makes .venv-test (and -peers, -pyslac, -build, -boards); CCSBOX_VENV=DIR puts them beside DIR as DIR-test, DIR-peers, ...
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=install/venv.sh
. "$root/install/venv.sh"

base=${CCSBOX_VENV:-$root/.venv}
find_python
prepare_venv "$base-test" "$root/install/requirements-test.txt" || exit 3
python=$base-test/bin/python
build_codec "$python" "$root" || exit 3
cd "$root"

case ${1:-} in
--interop)
    shift
    need_debian ip=iproute2 ethtool=ethtool libpcap.so=libpcap0.8 tshark=tshark java=default-jre-headless pev=plc-utils-extra || exit 3
    prepare_venv "$base-peers" "$root/install/requirements-peers.txt" || exit 3
    prepare_venv "$base-pyslac" "$root/install/requirements-pyslac.txt" || exit 3
    exec "$python" -m tests.interop --peers "$base-peers/bin/python" --pyslac "$base-pyslac/bin/python" "$@"
    ;;
--fuzz)
    shift
    need_debian clang=clang llvm-cov=llvm || exit 3
    exec "$python" -m tests.exi.fuzz "$@"
    ;;
--fuzz-mme)
    shift
    exec "$python" -m tests.homeplug.fuzz "$@"
    ;;
--exi-campaign)
    shift
    [ $# -gt 0 ] || set -- run
    case $1 in run | grammar) need_debian java=default-jre-headless || exit 3 ;; esac
    exec "$python" -m tests.exi.campaign "$@"
    ;;
--matrix)
    shift
    exec "$python" -m tests.matrix "$@"
    ;;
--conformance)
    shift
    exec "$python" -m tests.conformance "$@"
    ;;
--replay)
    shift
    exec "$python" -m tests.replay "$@"
    ;;
--slac)
    shift
    exec "$python" -m tests.homeplug "$@"
    ;;
--tcp)
    shift
    need_debian ip=iproute2 ss=iproute2 ethtool=ethtool libpcap.so=libpcap0.8 || exit 3
    exec "$python" -m tests.tcp_kernel "$@"
    ;;
--boards)
    shift
    need_debian qemu-arm-static=qemu-user-static || say "nothing can be emulated without it"
    prepare_venv "$base-build" "$root/install/requirements-build.txt" || exit 3
    "$base-build/bin/python" -m exi_native.boards --check
    exec "$python" -m tests.boards --cache "$base-boards" "$@"
    ;;
--mutants)
    shift
    exec "$python" -m tests.mutants "$@"
    ;;
--bench)
    shift
    exec "$python" -m tools.bench "$@"
    ;;
*)
    need_debian libpcap.so=libpcap0.8 libgpiod.so=python3-libgpiod ip=iproute2 mosquitto=mosquitto || say "the tests that need them will be skipped"
    exec "$python" -m pytest -q -p no:cacheprovider "$@"
    ;;
esac

#!/bin/sh
# Simulates a complete charging session on any Linux machine with Python 3.11: ./install/run.sh [options of main.py]
# Needs no root. The first run makes a virtual environment in .venv (CCSBOX_VENV=DIR: elsewhere), later runs start at once.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=install/venv.sh
. "$root/install/venv.sh"

venv_dir=${CCSBOX_VENV:-$root/.venv}
find_python
case " $* " in *" --live "*) prepare_venv "$venv_dir" "$root/install/requirements-live.txt" tornado || exit 3 ;; esac
prepare_venv "$venv_dir" "$root/install/requirements-sim.txt" yaml || exit 3
build_codec "$venv_dir/bin/python" "$root" || exit 3
exec "$venv_dir/bin/python" "$root/main.py" --simulate "$@"

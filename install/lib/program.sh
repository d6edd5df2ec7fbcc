# shellcheck shell=sh
# The program and its Python environment: releases/ID and venv-ID below /opt/ccsbox, made beside what is in force. Sourced by install.sh.

release_steps() {
    path=/opt/ccsbox/releases/$release
    in_force=$(basename "$(readlink "$opt/current" 2> /dev/null)" 2> /dev/null || true)
    put_dir /opt/ccsbox/releases
    step environment "$environment" \
        "Without a network: --offline DIR (install/make-offline.sh fills such a folder elsewhere). Disk full: df -h. Without venv: sudo apt-get install python3-venv."
    make_environment
    stop_after environment
    step program "$release" "Disk full: df -h. No EXI library for this processor: sudo apt-get install gcc make libc6-dev, which compiles it."
    make_release
    stop_after program
}

make_environment() {
    if [ -f "$opt/$environment/SHA256SUMS" ]; then own_tree "/opt/ccsbox/$environment"; return 0; fi
    if change "/opt/ccsbox/$environment: $("$PYTHON" --version) with $(wanted "$requirements" | grep -cvE '^(#|-r|$)') packages and what they need"; then
        rm -rf "${opt:?}/$environment"
        set -- --clear
        [ -z "$system_packages" ] || set -- "$@" --system-site-packages
        quietly "$PYTHON" -m venv "$@" "$opt/$environment"
        stop_after environment-made
        set -- --disable-pip-version-check --no-input
        [ -z "$offline" ] || set -- "$@" --no-index --find-links "$offline"
        quietly env PYTHONDONTWRITEBYTECODE=1 "$opt/$environment/bin/python" -m pip install "$@" -r "$requirements"
        # pip was asked to install what loads; whether it does is seen here and not at the next start
        (cd / && quietly "$opt/$environment/bin/python" -B -c "$LOADS")
        seal "$opt/$environment"
    fi
    own_tree "/opt/ccsbox/$environment"
}
LOADS="import yaml, smbus2, serial, PIL, luma.oled"

make_release() {
    if [ -d "$root$path" ]; then own_tree "$path"; return 0; fi
    if change "$path: copied, its EXI library tried, compiled to bytecode"; then
        staging=$root$path.new
        rm -rf "$staging"
        mkdir "$staging"
        # shellcheck disable=SC2086  # a list of words
        (cd "$source" && find $PROGRAM -type f ! -name '*.pyc' ! -path '*/.*' -print0 |
            tar --null --files-from=- --owner=0 --group=0 --mode=u=rwX,go=rX -cf -) | tar -xf - --no-same-owner -C "$staging"
        stop_after program-copied
        ln -s "../../$environment" "$staging/venv"
        if ! codec_loads "$staging/venv/bin/python" "$staging" 2> "$work/output"; then
            say "        no EXI library for this machine ($machine) yet: compiling it"
            { command -v make && command -v cc; } > /dev/null || { tail -n 1 "$work/output" >&2; return 1; }
            quietly make -s -C "$staging/exi_native"
            codec_loads "$staging/venv/bin/python" "$staging"
        fi
        # never checked against the source again (that would be a stat and a read each), and the paths of their last place
        quietly "$staging/venv/bin/python" -m compileall -q -j 0 --invalidation-mode unchecked-hash -s "$staging" -p "$path" \
            "$staging"/*.py "$staging/kernel" "$staging/tasks" "$staging/drivers" "$staging/exi_native" "$staging/tools"
        seal "$staging"
        stop_after program-staged
        mv "$staging" "$root$path"
        sync "$opt/releases"
    fi
    own_tree "$path"
}

# codec_loads PYTHON FOLDER
codec_loads() { (cd "$2" && "$1" -B -c 'from exi_native.codec import load; load()'); }

# switch_release: the new one in force, the one before kept; the box rests meanwhile, or it would load files of both.
switch_release() {
    step release "$release in force" "Look at /opt/ccsbox/current, which names the release in force; run this again."
    if [ "$in_force" != "$release" ] && [ -n "$in_force" ] && [ -d "$opt/releases/$in_force" ]; then
        kept=$in_force
        tell "The release before is kept: sudo $source/install/install.sh --back brings $kept back."
    else
        kept=$(basename "$(readlink "$opt/previous" 2> /dev/null)" 2> /dev/null || true)
    fi
    [ "$in_force" = "$release" ] || stop_box
    if [ -n "$kept" ] && [ -d "$opt/releases/$kept" ]; then
        own_tree "/opt/ccsbox/releases/$kept"
        kept_environment=$(basename "$(readlink "$opt/releases/$kept/venv")")
        [ "$kept_environment" = "$environment" ] || own_tree "/opt/ccsbox/$kept_environment"
        put_link "releases/$kept" /opt/ccsbox/previous
    fi
    put_link "releases/$release" /opt/ccsbox/current
    [ "$pass" != act ] || sync "$opt"
    stop_after release
}

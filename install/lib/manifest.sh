# shellcheck shell=sh
# What belongs to the installation: one line each, kind TAB digest, target or - TAB path (as the box sees it). It is written as
# intent before anything is changed, so that also half an installation can be finished or removed. Sourced by install.sh (POSIX sh).
#   file SHA256 PATH      link TARGET PATH      tree SHA256-of-its-SHA256SUMS PATH (a folder that is ours as a whole)
#   dir - PATH            block - PATH (our lines in somebody's file)     package - NAME     group - NAME     user - NAME

TAB=$(printf '\t')
# these are of one time and no later run finds them anew
LASTING='dir|package|group|user'

# own KIND VALUE PATH
own() { printf '%s\t%s\t%s\n' "$1" "${2:--}" "$3" >> "$work/owned"; }

begin_owning() { : > "$work/owned"; }

# was_ours PATH: an earlier run has it in its manifest.
was_ours() { [ -f "$manifest" ] && cut -f 3 "$manifest" | grep -Fqx -- "$1"; }

# listed KIND: paths of that kind in the manifest in force.
listed() { [ ! -f "$manifest" ] || awk -F '\t' -v kind="$1" '$1 == kind { print $3 }' "$manifest"; }

# write_intent: what an earlier run had and what this one will have.
write_intent() {
    { [ ! -f "$manifest" ] || cat "$manifest"; cat "$work/owned"; } > "$work/intent"
    write_manifest "$work/intent"
}

# write_final: what this run found or made, and what lasts.
write_final() {
    { grep -E "^($LASTING)$TAB" "$manifest" || true; cat "$work/owned"; } > "$work/candidates"
    while IFS=$TAB read -r kind value path; do
        [ "$kind" = dir ] && [ ! -d "$root$path" ] || printf '%s\t%s\t%s\n' "$kind" "$value" "$path"
    done < "$work/candidates" > "$work/final"
    write_manifest "$work/final"
}

write_manifest() {
    # the last word about a path counts
    awk -F '\t' '{ line[$1 FS $3] = $0 } END { for (key in line) print line[key] }' "$1" | LC_ALL=C sort -t "$TAB" -k 3,3 -k 1,1 > "$manifest.new"
    chmod 644 "$manifest.new"
    sync "$manifest.new"
    mv "$manifest.new" "$manifest"
    sync "$(dirname "$manifest")"
}

# outdated: files, links and trees of earlier runs that this one does not have.
outdated() {
    [ -f "$manifest" ] || return 0
    cut -f 1,3 "$work/owned" > "$work/now"
    grep -E "^(file|link|tree)$TAB" "$manifest" | cut -f 1,3 | grep -Fvx -f "$work/now" || true
}

# put_dir PATH [MODE]: makes a folder and those above it; all that were not there are ours.
put_dir() {
    [ ! -d "$root$1" ] || return 0
    [ "$1" = / ] || put_dir "$(dirname "$1")"
    own dir - "$1"
    [ "$pass" = act ] || return 0
    mkdir "$root$1"
    chmod "${2:-755}" "$root$1"
}

# put_file MODE FROM PATH: the file is there with this content and mode, written whole or not at all.
put_file() {
    own file "$(sha256sum < "$2" | cut -d ' ' -f 1)" "$3"
    if [ -f "$root$3" ] && [ ! -L "$root$3" ]; then
        if cmp -s "$2" "$root$3"; then
            [ "$(stat -c %a "$root$3")" != "$1" ] || return 0
        elif [ "$pass" != act ] && ! was_ours "$3"; then
            problem "$3 exists already and is not of this program" "look what it is, and move it away"
        fi
    fi
    put_dir "$(dirname "$3")"
    if change "$3"; then
        cp "$2" "$root$3.ccsbox-new"
        chmod "$1" "$root$3.ccsbox-new"
        sync "$root$3.ccsbox-new"
        mv "$root$3.ccsbox-new" "$root$3"
    fi
}

# put_text MODE TEXT PATH
put_text() {
    printf '%s\n' "$2" > "$work/text"
    put_file "$1" "$work/text" "$3"
}

# put_link TARGET PATH: replaced by a rename, there is no moment without it.
put_link() {
    own link "$1" "$2"
    if [ "$(readlink "$root$2" 2> /dev/null)" = "$1" ]; then return 0; fi
    put_dir "$(dirname "$2")"
    if change "$2 -> $1"; then
        ln -sfn "$1" "$root$2.ccsbox-new"
        mv -T "$root$2.ccsbox-new" "$root$2"
    fi
}

# seal TREE: digests of all its files, written last: a tree without it is not complete.
seal() {
    (cd "$1" && find . -type f ! -name SHA256SUMS -print0 | LC_ALL=C sort -z | xargs -0 sha256sum) > "$work/sums"
    cp "$work/sums" "$1/SHA256SUMS.new"
    sync -f "$1/SHA256SUMS.new"
    mv "$1/SHA256SUMS.new" "$1/SHA256SUMS"
}

# own_tree PATH: its digest, or - while it is not there.
own_tree() { own tree "$(sha256sum "$root$1/SHA256SUMS" 2> /dev/null | cut -d ' ' -f 1)" "$1"; }

#!/bin/sh
# Bring bubblewrap and strace, which hold and watch a declared command: `sh parts/bubblewrap.sh [PATH]`.
#
# Where this system has both, there is nothing to do. Elsewhere root installs Debian's packages (the tracer runs as a
# user that may not enter root's home); anybody else unpacks them into PATH/bubblewrap, outside the repository, checked
# by apt and without installing anything. Says NOT HERE and fails when there is neither, and when no sandbox starts.
set -eu

OLDEST=0.8 # of bubblewrap: --disable-userns and --size
REPOSITORY=$(cd "$(dirname "$0")/.." && pwd)
PARTS=${1:-${COUNTERMARK_PARTS:-${XDG_CACHE_HOME:-$HOME/.cache}/countermark/parts}}
PARTS=$(mkdir -p "$PARTS" && cd "$PARTS" && pwd)
PLACE=$PARTS/bubblewrap
SYSTEM=${COUNTERMARK_SYSTEM_PROGRAMS:-/usr/bin}

say() { printf 'parts: bubblewrap: %s\n' "$*" >&2; }

new_enough() { # VERSION
    [ "$(printf '%s\n%s\n' "$OLDEST" "$1" | sort -V | head -n 1)" = "$OLDEST" ]
}

works() { # FOLDER: both are there, and a sandbox starts under the tracer
    [ -x "$1/bwrap" ] && [ -x "$1/strace" ] || return 1
    new_enough "$("$1/bwrap" --version | awk '{ print $2 }')" || { say "$1/bwrap is older than $OLDEST"; return 1; }
    "$1/strace" -f -o /dev/null "$1/bwrap" --unshare-all --unshare-user --ro-bind / / --proc /proc true ||
        { say "$1/bwrap starts no sandbox here"; return 1; }
}

install() {
    apt-get install -y -q --no-install-recommends bubblewrap strace >"$WORK/log" 2>&1
}

unpack() {
    (cd "$WORK" && apt-get download -q bubblewrap strace libunwind8 libselinux1 libcap2 >log 2>&1) || return 1
    rm -rf "$PLACE"
    for package in "$WORK"/*.deb; do
        dpkg-deb -x "$package" "$PLACE"
    done
    libraries=$(find "$PLACE" -name '*.so*' -printf '%h\n' | sort -u | paste -sd :)
    for program in bwrap strace; do
        mv "$PLACE/usr/bin/$program" "$PLACE/usr/bin/$program.real"
        printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s/usr/bin/%s.real "$@"\n' \
            "$libraries" "$PLACE" "$program" >"$PLACE/usr/bin/$program"
        chmod 755 "$PLACE/usr/bin/$program"
    done
}

bring() {
    command -v apt-get >/dev/null || { say "no apt here"; return 1; }
    if [ "$(id -u)" = 0 ]; then
        install || { apt-get update -q >/dev/null 2>&1 && install; } || { tail -n 3 "$WORK/log" >&2; return 1; }
    else
        unpack || { tail -n 3 "$WORK/log" >&2; return 1; }
    fi
}

found() {
    for folder in "$SYSTEM" "$PLACE/usr/bin"; do
        if works "$folder"; then
            say "$("$folder/bwrap" --version), strace $("$folder/strace" --version | awk 'NR == 1 { print $4 }'), in $folder"
            return 0
        fi
    done
    return 1
}

case $PARTS/ in "$REPOSITORY"/*) say "expected a path outside the repository, found $PARTS"; rmdir "$PARTS"; exit 1 ;; esac
if found; then
    exit 0
fi
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
if bring && found; then
    exit 0
fi
say "NOT HERE: no bubblewrap $OLDEST and strace that start a sandbox"
exit 1

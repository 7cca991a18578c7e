#!/bin/sh
# Bring the stock verifier cosign 3.x into PATH/bin, outside the repository: `sh parts/cosign.sh [PATH]`.
#
# First Debian's package of a newer suite, from this machine's own mirror, checked by apt's signatures and
# unpacked beside the system (nothing is installed); else a build with Go. Needs no root. Fails when both do.
set -eu

VERSION=3.1.3 # for Go, whose checksum database pins the content
SUITES="forky sid"
REPOSITORY=$(cd "$(dirname "$0")/.." && pwd)
PARTS=${1:-${COUNTERMARK_PARTS:-${XDG_CACHE_HOME:-$HOME/.cache}/countermark/parts}}
PARTS=$(mkdir -p "$PARTS" && cd "$PARTS" && pwd)
COSIGN=$PARTS/bin/cosign

say() { printf 'parts: cosign: %s\n' "$*" >&2; }

works() { # Debian's build calls itself "devel", so its package's version is kept beside it
    [ -x "$COSIGN" ] && "$COSIGN" version >/dev/null 2>&1 && grep -q '^3\.' "$COSIGN.version"
}

arrived() { say "$COSIGN is $(cat "$COSIGN.version"), here after $(($(date +%s) - BEGAN)) s"; }

clean() { rm -rf "$WORK"; }

private_apt() { # apt with its own lists, cache and sources, and without this system's packages
    program=$1
    shift
    "$program" -q \
        -o Dir::State="$WORK/state" -o Dir::State::status=/dev/null -o Dir::Cache="$WORK/cache" \
        -o Dir::Etc::sourcelist="$WORK/sources.list" -o Dir::Etc::sourceparts=- \
        -o APT::Sandbox::User="$(id -un)" -o Acquire::Languages=none \
        -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false "$@"
}

mirror() { apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' 'Created-By: Packages' 'Label: Debian' | head -n 1; }

from_debian() { # SUITE
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return 1
    uri=$(mirror)
    [ -n "$uri" ] || { say "apt knows no Debian mirror"; return 1; }
    rm -rf "$WORK/state" "$WORK/cache" "$WORK/unpacked" "$WORK"/*.deb
    mkdir -p "$WORK/state/lists/partial" "$WORK/cache/archives/partial"
    printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' "$uri" "$1" >"$WORK/sources.list"
    private_apt apt-get update >"$WORK/log" 2>&1 &&
        (cd "$WORK" && private_apt apt-get download cosign >>"$WORK/log" 2>&1) ||
        { tail -n 3 "$WORK/log" >&2; return 1; }
    dpkg-deb -x "$WORK"/cosign_*.deb "$WORK/unpacked"
    install -m 755 "$WORK/unpacked/usr/bin/cosign" "$COSIGN"
    printf '%s from Debian %s\n' "$(dpkg-deb -f "$WORK"/cosign_*.deb Version)" "$1" >"$COSIGN.version"
}

from_go() {
    command -v go >/dev/null || { say "no Go on the PATH to build it with"; return 1; }
    say "building $VERSION with Go (minutes)"
    GOBIN="$PARTS/bin" GOFLAGS=-trimpath go install "github.com/sigstore/cosign/v3/cmd/cosign@v$VERSION" >"$WORK/log" 2>&1 ||
        { tail -n 3 "$WORK/log" >&2; return 1; }
    printf '%s built with Go\n' "$VERSION" >"$COSIGN.version"
}

case $PARTS/ in "$REPOSITORY"/*) say "expected a path outside the repository, found $PARTS"; rmdir "$PARTS"; exit 1 ;; esac
if works; then
    say "$COSIGN is $(cat "$COSIGN.version")"
    exit 0
fi
BEGAN=$(date +%s)
trap clean EXIT
WORK=$(mktemp -d)
mkdir -p "$PARTS/bin"
for suite in $SUITES; do
    if from_debian "$suite" && works; then
        arrived
        exit 0
    fi
    say "Debian $suite gave no cosign 3.x that runs here"
done
if from_go && works; then
    arrived
    exit 0
fi
say "NOT HERE: neither Debian's package nor Go gave a cosign 3.x"
exit 1

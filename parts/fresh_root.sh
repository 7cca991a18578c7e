#!/bin/sh
# Do what README.md says, as a newcomer would: `sh parts/fresh_root.sh PATH [REPOSITORY...]`.
#
# In PATH a minimal Debian is made with python3, git and make added and nothing else: no pip, no ensurepip,
# no ca-certificates. An ordinary user gets a fresh clone of this repository and runs the README's commands
# word for word: the ```sh blocks under `<!-- run: fresh -->` in ~/countermark, then those under
# `<!-- run: own-repository -->` in a clone of each REPOSITORY, ~/own/<name>. Needs root and a Debian mirror;
# where it has neither it says NOT RUN, which is a failure where CI is set and not elsewhere.
# Of the tests it runs those that are no attack and start no scanner: `make check` has run the others (`SHORT=` runs all).
set -eu

SUITE=${SUITE:-bookworm} # the oldest Debian with Python 3.11
GIVEN=python3,git,make
SHORT=${SHORT---ignore=tests/attacks --ignore=tests/end_to_end --ignore=tests/scanners --ignore=tests/bench}
READER=1000
REPOSITORY=$(cd "$(dirname "$0")/.." && pwd)
PLACE=${1:?usage: sh parts/fresh_root.sh PATH [REPOSITORY...]}
shift
BASE=$PLACE/$SUITE.tar
ROOT=$PLACE/root

say() { printf 'parts: fresh root: %s\n' "$*" >&2; }

not_run() { # REASON
    say "NOT RUN: $*"
    [ -z "${CI:-}" ] || exit 1
    exit 0
}

block() { # MARK: the commands of README.md under that mark, word for word
    awk -v mark="<!-- run: $1 -->" '
        $0 == mark { armed = 1; next }
        armed && $0 == "```sh" { inside = 1; armed = 0; next }
        armed && $0 != "" { exit 1 }
        inside && $0 == "```" { inside = 0; next }
        inside { print; found = 1 }
        END { exit !found }' "$REPOSITORY/README.md" || {
        say "README.md: expected a \`\`\`sh block under <!-- run: $1 -->, found none"
        exit 1
    }
}

install_mmdebstrap() { apt-get install -y -q mmdebstrap >"$PLACE/log" 2>&1; }

make_base() {
    [ -f "$BASE" ] && return
    command -v mmdebstrap >/dev/null || install_mmdebstrap || { apt-get update -q >/dev/null; install_mmdebstrap; } ||
        not_run "mmdebstrap is not here and apt-get cannot install it"
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' 'Created-By: Packages' | head -n 1)
    [ -n "$mirror" ] || not_run "apt knows no Debian mirror"
    began=$(date +%s)
    mmdebstrap --quiet --variant=minbase --include="$GIVEN" "$SUITE" "$BASE.partial.tar" "$mirror" >&2
    mv "$BASE.partial.tar" "$BASE"
    say "a minimal Debian $SUITE with $GIVEN, made in $(($(date +%s) - began)) s"
}

lay_out() {
    rm -rf "$ROOT"
    mkdir "$ROOT"
    tar -x -C "$ROOT" -f "$BASE" --exclude=./dev
    mkdir -p "$ROOT/dev" "$ROOT/home/reader"
    cp -L /etc/resolv.conf /etc/hosts "$ROOT/etc/"
    printf 'reader:x:%s:%s::/home/reader:/bin/sh\n' "$READER" "$READER" >>"$ROOT/etc/passwd"
    clone "$REPOSITORY" countermark
}

clone() { # FROM NAME: into the reader's home, with the remote it has at home
    git clone -q --no-hardlinks "$1" "$ROOT/home/reader/$2"
    remote=$(git -C "$1" remote get-url origin 2>/dev/null) &&
        git -C "$ROOT/home/reader/$2" remote set-url origin "$remote"
    chown -R "$READER:$READER" "$ROOT/home/reader"
}

settings() { # the environment, one assignment a line: a newcomer's, with this machine's way out to the network
    printf '%s\n' HOME=/home/reader USER=reader LOGNAME=reader LANG=C.UTF-8 PATH=/usr/local/bin:/usr/bin:/bin
    printf '%s\n' "PYTEST_FLAGS=$SHORT"
    env | grep -iE '^(http|https|no|all)_proxy=' || true
    [ -z "${SSL_CERT_FILE:-}" ] || echo SSL_CERT_FILE=/etc/host-certificates.pem
}

inside() ( # FOLDER COMMAND...: as the reader, in mounts that end with it
    folder=$1
    shift
    IFS='
' # one setting a line
    # shellcheck disable=SC2046 # is split on purpose
    exec unshare --mount --pid --fork --kill-child sh -euc '
        root=$1 reader=$2 folder=$3
        shift 3
        mount --rbind /dev "$root/dev"
        mount -t proc proc "$root/proc"
        exec chroot --userspec="$reader:$reader" "$root" env -i -C "$folder" "$@"
    ' sh "$ROOT" "$READER" "/home/reader/$folder" $(settings) "$@" </dev/null
)

run_block() { # MARK FOLDER
    commands=$(block "$1")
    say "README.md, run: $1, in ~/$2"
    began=$(date +%s)
    inside "$2" sh -euxc "$commands" || {
        say "FAILED after $(($(date +%s) - began)) s: run: $1, in ~/$2"
        exit 1
    }
    say "run: $1 in ~/$2 passed in $(($(date +%s) - began)) s"
}

report_given() {
    say "given: $GIVEN; $(inside . dpkg-query -f '.\n' -W | wc -l) Debian packages in all," \
        "$(inside . python3 --version), $(inside . git --version)"
    for module in pip ensurepip; do
        inside . python3 -c "import importlib.util as i, sys; sys.exit(i.find_spec('$module') is not None)" ||
            { say "expected no $module in the root, found it"; exit 1; }
    done
    [ ! -e "$ROOT/etc/ssl/certs/ca-certificates.crt" ] || { say "expected no ca-certificates, found them"; exit 1; }
    say "not given: pip, ensurepip, ca-certificates"
}

report_installed() {
    count='import importlib.metadata as m; print(len(list(m.distributions())))'
    say "installed by the commands: no Debian package; in ~/countermark/.tools $(inside countermark ls .tools), and" \
        "$(inside countermark .venv/bin/python -c "$count") Python packages in ~/countermark/.venv"
}

[ "$(id -u)" = 0 ] || not_run "chroot needs root"
command -v apt-get >/dev/null || not_run "this machine has no apt-get"
mkdir -p "$PLACE"
block fresh >/dev/null
[ $# -eq 0 ] || block own-repository >/dev/null
make_base
lay_out
trap 'rm -rf "$ROOT"' EXIT
if [ -n "${SSL_CERT_FILE:-}" ]; then
    cp -L "$SSL_CERT_FILE" "$ROOT/etc/host-certificates.pem"
    say "this machine sets SSL_CERT_FILE: its bundle is copied in, because the network here needs it"
fi
report_given
run_block fresh countermark
report_installed
[ $# -eq 0 ] || {
    inside . git config --global user.name Reader
    inside . git config --global user.email reader@example.org
    say "whoever has a repository has told git a name: Reader <reader@example.org>"
}
for own in "$@"; do
    folder=own/$(basename "$own" .git)
    clone "$own" "$folder"
    run_block own-repository "$folder"
done

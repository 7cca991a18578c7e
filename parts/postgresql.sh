#!/bin/sh
# Run a command with a PostgreSQL of its own: `sh parts/postgresql.sh COMMAND [ARGUMENT...]`.
#
# The server is the newest one of this machine; where there is none, root installs Debian's. A new cluster is made
# in a temporary folder and listens on one socket in it, which nobody else can enter, and on no port: so it never
# meets another server. The command finds its URL in COUNTERMARK_TEST_POSTGRESQL and decides the exit code; then
# the server is stopped and the folder removed. Where no server can run it says NOT RUN and does not start the
# command, which is a failure where CI is set and not elsewhere.
set -eu

SERVERS=${SERVERS:-/usr/lib/postgresql} # Debian keeps each version in a folder of its own, outside the PATH
ACCOUNT=postgres                        # of Debian's package: the server refuses to run as root
: "${1:?usage: sh parts/postgresql.sh COMMAND [ARGUMENT...]}"

say() { printf 'parts: postgresql: %s\n' "$*" >&2; }

not_run() { # REASON
    say "NOT RUN: $*"
    [ -z "${CI:-}" ] || exit 1
    exit 0
}

programs() { # the folder with initdb and pg_ctl
    for version in $(ls "$SERVERS" 2>/dev/null | sort -rn); do
        [ ! -x "$SERVERS/$version/bin/initdb" ] || { echo "$SERVERS/$version/bin"; return; }
    done
    found=$(command -v initdb) && dirname "$found"
}

install_server() {
    [ "$(id -u)" = 0 ] || not_run "there is no server here, and only root can install one"
    command -v apt-get >/dev/null || not_run "there is no server here, and no apt-get to install one"
    say "installing Debian's postgresql"
    log=$(mktemp)
    apt_install || { apt-get update -q >"$log" 2>&1 || true; apt_install; } || {
        tail -n 3 "$log" >&2
        rm "$log"
        not_run "there is no server here, and apt-get cannot install one"
    }
    rm "$log"
}

apt_install() { # as if the machine were starting, so that Debian's own cluster stays asleep
    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -q postgresql >"$log" 2>&1
}

as_server() { # COMMAND...: as the account the server runs as
    if [ "$(id -u)" = 0 ]; then
        (cd / && runuser -u "$ACCOUNT" -- "$@")
    else
        "$@"
    fi
}

quietly() { # COMMAND...: with its output shown only when it fails
    "$@" >"$PLACE/log" 2>&1 || {
        cat "$PLACE/log" >&2
        say "FAILED: $*"
        exit 1
    }
}

start() {
    quietly as_server "$BIN/initdb" --pgdata="$PLACE/data" --username=countermark --auth=trust \
        --encoding=UTF8 --locale=C --no-sync
    # What is thrown away needs no fsync.
    quietly as_server "$BIN/pg_ctl" --pgdata="$PLACE/data" --wait --silent --log="$PLACE/data/server.log" \
        --options="-c listen_addresses='' -c unix_socket_directories='$PLACE' -c unix_socket_permissions=0700 -c fsync=off" start
}

stop() {
    [ ! -f "$PLACE/data/postmaster.pid" ] ||
        as_server "$BIN/pg_ctl" --pgdata="$PLACE/data" --wait --silent --mode=immediate stop >&2
    rm -rf "$PLACE"
}

[ -n "$(programs)" ] || install_server
BIN=$(programs) || not_run "apt-get installed no server in $SERVERS"
[ "$(id -u)" != 0 ] || id "$ACCOUNT" >/dev/null 2>&1 ||
    not_run "the server refuses to run as root, and there is no account $ACCOUNT"
PLACE=$(mktemp -d "${TMPDIR:-/tmp}/countermark-postgresql.XXXXXX")
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
[ "$(id -u)" != 0 ] || chown "$ACCOUNT" "$PLACE"
start
say "$("$BIN/postgres" --version), with a cluster of its own"
status=0
COUNTERMARK_TEST_POSTGRESQL="postgresql+psycopg://countermark@/postgres?host=$PLACE" "$@" || status=$?
exit "$status"

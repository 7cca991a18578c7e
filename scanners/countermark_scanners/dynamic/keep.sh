#!/bin/sh
# Keeps one run: sh keep.sh ROOM SECONDS UID PYTHON COLLECT COMMAND...
#
# Runs outside of the sandbox that holds the command, inside a mount namespace of its own in which /mnt is a file
# system of bounded size. What lies in ROOM/lay is copied there, COMMAND runs, and afterwards, when every process of
# the sandbox is dead, what is left is read back into ROOM. Nothing that the change named reaches this shell.
set -eu
umask 022
room=$1 seconds=$2 uid=$3 python=$4 collect=$5
shift 5

cp -a "$room/lay/." /mnt/
mkdir /mnt/said
[ "$uid" = - ] || chown -hR "$uid:$uid" /mnt/work /mnt/home /mnt/tmp /mnt/said
chmod 1777 /mnt/tmp
: >/mnt/said/trace
[ "$uid" = - ] || chown "$uid" /mnt/said/trace
mkdir /mnt/said/causes
chmod 1777 /mnt/said/causes

code=0
timeout --foreground --signal=KILL "$seconds" "$@" </dev/null >/mnt/stdout 2>/mnt/stderr || code=$?

cp /mnt/stdout "$room/command.stdout"
cp /mnt/stderr "$room/command.stderr"
cp /mnt/said/trace "$room/trace"
chmod -R u+rwX /mnt/work # where this is no root, a directory that can't be entered would hide what is in it
"$python" -I -S "$collect" /mnt/work "$room/before.json" /mnt/said/causes >"$room/after.json"
printf '%s\n' "$code" >"$room/code"

#!/bin/sh
# The main job, for real, in a temporary folder: `make demo`. KEEP=1 leaves the folder for you to look at.
#
# A git repository from examples/shop, a ledger in SQLite, an enrolled agent (a labelled script, not a model),
# and the five answers of the gate. Each answer's exit code is checked: a demo that lies fails.
set -eu

HOUSE=$(cd "$(dirname "$0")/.." && pwd)
PATH=$HOUSE/.venv/bin:$PATH
WORK=$(mktemp -d "${TMPDIR:-/tmp}/countermark-demo.XXXXXX")
export PATH XDG_DATA_HOME="$WORK/private" GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_NAME=Reader GIT_AUTHOR_EMAIL=reader@example.com
export GIT_COMMITTER_NAME=Reader GIT_COMMITTER_EMAIL=reader@example.com
[ "${KEEP:-}" ] || trap 'rm -rf "$WORK"' EXIT
BEGAN=$(date +%s)

title() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || title() { printf '\n== %s\n' "$*"; }
show() { printf '$ %s\n' "$*"; "$@"; }
gate() { # EXPECTED CODE, then the gate's arguments
    expected=$1
    shift
    printf '$ countermark gate %s\n' "$*"
    code=0
    countermark gate "$@" || code=$?
    [ "$code" = "$expected" ] || { echo "demo: expected exit code $expected, found $code" >&2; exit 1; }
    echo "exit code $code"
}
branch() { git checkout -q main && git checkout -q -b "$1"; }
agent() { python3 "$HOUSE/examples/agents/$1.py"; }

title "A repository, a ledger, an agent"
cp -R "$HOUSE/examples/shop" "$WORK/shop"
cd "$WORK/shop"
git init -q -b main && git add -A && git commit -q -m "A small shop"
show countermark init --mode default 2>/dev/null
git add .countermark && git commit -q -m "Set up Countermark"
show countermark agent add coder

title "1. An agent adds a rate limit: accepted"
branch rate-limit
show countermark record --agent coder --task "Add rate limiting to login" --commit "Limit logins" \
    -- python3 "$HOUSE/examples/agents/good_change.py"
gate 0

title "2. The same agent adds an unsafe report: refused for its score"
branch reports
countermark record --agent coder --commit "Add reports" -- python3 "$HOUSE/examples/agents/insecure_change.py"
gate 10

title "3. Somebody adds a file that nobody signed: refused"
branch unsigned
echo '"""Nobody signed this."""' > shop/extra.py
git add shop/extra.py && git commit -q -m "Add a module"
gate 11

title "4. Evidence altered on its way to CI, which has no keys, only pins: refused"
git checkout -q rate-limit
show countermark log export "$WORK/evidence" > /dev/null
show python3 "$HOUSE/examples/tamper.py" "$WORK/evidence" shop/rate_limit.py
ID=$(countermark trust-root | python3 -c 'import json, sys; print(json.load(sys.stdin)["repositoryId"])')
ROOT=$(countermark trust-root --format digest)
countermark trust-root --format sigstore > "$WORK/client-trust-config.json"
XDG_DATA_HOME="$WORK/ci" gate 12 --protected-ref main --bundles "$WORK/evidence" \
    --repository-id "$ID" --trust-root "$ROOT"

title "5. The agent turns out to have been taken over last year: refused"
show countermark agent revoke coder --since 2025-01-01T00:00:00Z --reason "its token was in a paste"
gate 13

title "The first bundle, verified by the stock sigstore client"
STATEMENT=$(git log -1 --format='%(trailers:key=Countermark-Statement,valueonly)' rate-limit | head -n 1)
AGENT=$(countermark agent list | cut -d ' ' -f 1)
DOMAIN=${AGENT#spiffe://}
rm -rf "$WORK/evidence" && countermark log export "$WORK/evidence" > /dev/null 2>&1
sigstore --trust-config "$WORK/client-trust-config.json" verify identity --offline \
    --bundle "$WORK/evidence/$(printf %.2s "$STATEMENT")/$STATEMENT.sigstore.json" \
    --cert-identity "$AGENT" --cert-oidc-issuer "https://authority.${DOMAIN%%/*}" shop/rate_limit.py > /dev/null

title "A real repository with a history that nobody signed (this one), observed"
git clone -q "$HOUSE" "$WORK/unsigned"
cd "$WORK/unsigned"
CHANGE=$(git rev-parse HEAD)
git checkout -q -B main "$(git rev-parse -q --verify 'HEAD~3' || git rev-list --max-parents=0 HEAD | tail -n 1)"
countermark init --mode observe > /dev/null 2>&1
git add .countermark && git commit -q -m "Set up Countermark"
gate 0 --head "$CHANGE" | awk 'NR <= 14 || /NOT ENFORCING|exit code|more reasons/'

title "Done in $(($(date +%s) - BEGAN)) s. Now on your own repository:"
cat <<EOT
  export PATH="$HOUSE/.venv/bin:\$PATH"
  cd your-repository
  countermark init
EOT

#!/usr/bin/env bash
# Measures what signing in costs: sign-ins, refreshes and questions about tokens a second, how long reads take beside 500 who
# sign in at once, and whether times tell known accounts from unknown ones. Everything runs on the same cores. Needs curl, jq
# and Python.
#   tests/load/identity.sh [SECONDS A RUN] [ROUNDS] [SAMPLES OF TIMES]
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-8} rounds=${2:-3} samples=${3:-500}
workers=16

cargo build --release --bin veza --example calls
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$folder"' EXIT
address=127.0.0.1:18080
export DATABASE_URL="sqlite:$folder/veza.db" LOG_FORMAT=json SIGN_IN_DELAY_MAX=1ms SIGN_IN_FAILURES_PER_HOUR=1000000000
export RATE_LIMIT_PER_MINUTE=1000000000 SIGN_IN_RATE_LIMIT_PER_MINUTE=1000000000 VALIDATION_RATE_LIMIT_PER_MINUTE=1000000000
target/release/veza --listen-addr "$address" >"$folder/log" 2>&1 &
until curl -sf -o /dev/null "http://$address/health"; do sleep 0.01; done

target/release/veza admin create --username root --email root@example.com --password-stdin <<<'correct horse battery' >"$folder/log.admin"
token=$(curl -sf "http://$address/api/v1/auth/login" -H 'content-type: application/json' \
    -d '{"identifier":"root","password":"correct horse battery"}' | jq -r .tokens.accessToken)

calls() { target/release/examples/calls "$address" "$@"; }
for kind in sign-ins refreshes validations; do
    for round in $(seq "$rounds"); do
        echo "round $round, $(calls "$kind" "$seconds" "$workers" "$token")"
    done
done
for round in $(seq "$rounds"); do
    echo "round $round, by themselves: $(calls reads "$seconds" 4)"
    calls sign-ins "$((seconds * 3))" 500 >"$folder/sign-ins" &
    crowd=$!
    until [[ $(curl -s "http://$address/metrics" | awk '/^veza_password_hash_queue / {print $2}') -gt 9 ]]; do sleep 0.1; done
    echo "round $round, beside 500 who sign up and in: $(calls reads "$seconds" 4)"
    wait "$crowd"
    sed "s/^/round $round, 500 /" "$folder/sign-ins"
done
kill %1
wait %1 2>/dev/null || true
for what in login forgot register; do
    tests/load/enumeration.py target/release/veza "$samples" "$what"
done

#!/usr/bin/env bash
# Measures what it costs to share: a server on PostgreSQL, Redis and NATS, with another replica beside it, and an embedded one,
# side by side in one run on the same cores. Needs wrk, curl, jq, and what tests/cluster/run.sh needs.
#   tests/load/cluster.sh [SECONDS A RUN] [ROUNDS]
set -euo pipefail
cd "$(dirname "$0")/../.."

if [[ -z "${VEZA_URL:-}" ]]; then
    cargo build --release --bin veza --example calls
    export RATE_LIMIT_PER_MINUTE=1000000000 SIGN_IN_RATE_LIMIT_PER_MINUTE=1000000000
    VEZA=target/release/veza exec tests/cluster/run.sh "$PWD/tests/load/cluster.sh" "$@"
fi
seconds=${1:-5} rounds=${2:-3}
connections=64 workers=16

folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$folder"' EXIT
embedded=127.0.0.1:18080 shared=${VEZA_REPLICAS%% *}
env -u REDIS_URL -u NATS_URL DATABASE_URL="sqlite:$folder/veza.db" target/release/veza --listen-addr "$embedded" \
    >"$folder/log" 2>&1 &
until curl -sf -o /dev/null "http://$embedded/health"; do sleep 0.01; done

sign_up() { # ADDRESS -> the token and the path of an account
    local answer
    answer=$(curl -sf "http://$1/api/v1/auth/register" -H 'content-type: application/json' \
        -d '{"email":"ann@example.com","username":"ann","password":"correct horse battery"}')
    jq -r '.tokens.accessToken + " /api/v1/users/" + .user.id' <<<"$answer"
}
read -r embedded_token embedded_path <<<"$(sign_up "$embedded")"
read -r shared_token shared_path <<<"$(sign_up "$shared")"

rate() { # ADDRESS PATH TOKEN -> requests/s
    wrk -t1 -c"$connections" -d"${seconds}s" -H "authorization: Bearer $3" "http://$1$2" >"$folder/wrk"
    if grep -q 'Non-2xx\|Socket errors' "$folder/wrk"; then cat "$folder/wrk" >&2; exit 1; fi
    awk '/Requests\/sec/ {print $2}' "$folder/wrk"
}

echo "a signed-in GET $shared_path"
rate "$shared" "$shared_path" "$shared_token" >/dev/null # warm-up
for round in $(seq "$rounds"); do
    alone=$(rate "$embedded" "$embedded_path" "$embedded_token")
    beside=$(rate "$shared" "$shared_path" "$shared_token")
    ratio=$(awk "BEGIN {printf \"%.2f\", $beside / $alone}")
    echo "round $round: embedded $alone/s, on all three $beside/s, ratio $ratio"
done

for kind in sign-ups refreshes room-updates; do
    for round in $(seq "$rounds"); do
        echo "embedded:     $(target/release/examples/calls "$embedded" "$kind" "$seconds" "$workers")"
        echo "on all three: $(target/release/examples/calls "$shared" "$kind" "$seconds" "$workers")"
    done
done

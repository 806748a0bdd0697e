#!/usr/bin/env bash
# Measures what the project says of its speed: start-up, memory, and a signed-in REST read beside a bare axum handler that
# answers the same bytes, side by side in one run on the same cores. Needs wrk, curl and jq.
#   tests/load/figures.sh [SECONDS A RUN] [ROUNDS]
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-8} rounds=${2:-3}
connections=64

cargo build --release --bin veza --example bare
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$folder"' EXIT
veza=http://127.0.0.1:18080 bare=http://127.0.0.1:18081
export LISTEN_ADDR=127.0.0.1:18080 DATABASE_URL="sqlite:$folder/veza.db" LOG_FORMAT=json
export RATE_LIMIT_PER_MINUTE=1000000000 SIGN_IN_RATE_LIMIT_PER_MINUTE=1000

milliseconds() { echo $(($(date +%s%N) / 1000000)); }
start() {
  local began
  began=$(milliseconds)
  target/release/veza >>"$folder/log" 2>&1 &
  server=$!
  until curl -sf -o /dev/null "$veza/health"; do sleep 0.002; done
  echo "start-up to first answer, $1: $(($(milliseconds) - began)) ms"
}

start 'new database'
kill "$server" && wait "$server"
start 'existing database'
sleep 1
echo "idle memory: $(($(awk '/VmRSS/ {print $2}' "/proc/$server/status") / 1024)) MiB"

json='content-type: application/json'
account='{"email":"ann@example.com","username":"ann","password":"correct horse battery"}'
signed_in=$(curl -sf "$veza/api/v1/auth/register" -H "$json" -d "$account")
token=$(jq -r .tokens.accessToken <<<"$signed_in")
path=/api/v1/users/$(jq -r .user.id <<<"$signed_in")
curl -sf "$veza$path" -H "authorization: Bearer $token" >"$folder/body"
target/release/examples/bare 127.0.0.1:18081 "$folder/body" &
until curl -sf -o /dev/null "$bare$path"; do sleep 0.01; done
echo "body: $(wc -c <"$folder/body") bytes, identical: $(curl -sf "$bare$path" | cmp -s - "$folder/body" && echo yes)"

rate() { # URL -> requests/s and p95 of one run
  wrk -t1 -c"$connections" -d"${seconds}s" --latency -H "authorization: Bearer $token" "$1" >"$folder/wrk"
  if grep -q 'Non-2xx\|Socket errors' "$folder/wrk"; then cat "$folder/wrk" >&2; exit 1; fi
  awk '/Requests\/sec/ {print $2}' "$folder/wrk"
}
rate "$veza$path" >/dev/null # warm-up
for round in $(seq "$rounds"); do
  ours=$(rate "$veza$path") theirs=$(rate "$bare$path")
  echo "round $round: veza $ours/s, bare axum $theirs/s, ratio $(awk "BEGIN {printf \"%.2f\", $ours / $theirs}")"
done
echo "memory after load: $(($(awk '/VmRSS/ {print $2}' "/proc/$server/status") / 1024)) MiB"

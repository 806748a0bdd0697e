#!/usr/bin/env bash
# Measures the gateway beside others that do the same: transcoding in one process, then calls over loopback HTTP/1.1, all
# before the same service and behind the same HTTP server, in turns. Needs wrk and curl.
#   gateway/benches/comparison/run.sh [SECONDS A TURN] [ROUNDS]
set -euo pipefail
cd "$(dirname "$0")"
seconds=${1:-5} rounds=${2:-5}
readonly connections=64 port=18090 grpc_port=18089
readonly ways=('bare axum' 'gateway' 'gateway, second hop' 'rest_over_grpc')

for tool in wrk curl; do
  command -v "$tool" >/dev/null || { echo "run.sh: needs $tool: apt-get install $tool" >&2; exit 1; }
done
cargo build --release --bins
target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/release
"$target/transcoding"

folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$folder"' EXIT
await() { # PORT
  until (: <>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; do
    kill -0 $! 2>/dev/null || exit 1
    sleep 0.05
  done
}
"$target/server" grpc "$grpc_port" &
servers=("/proc/$!/stat")
await "$grpc_port"
"$target/server" rest "$port" "$grpc_port" &
servers+=("/proc/$!/stat")
for way in "${!ways[@]}"; do await $((port + way)); done

url() { echo "http://127.0.0.1:$((port + $1))$2"; } # WAY PATH

# What is compared must be the same. pbjson, which rest_over_grpc prints with, writes UTC as +00:00 instead of Z.
check() { # PATH CURL-OPTIONS...
  local path=$1 way
  shift
  for way in "${!ways[@]}"; do curl -sf "$@" "$(url "$way" "$path")" | sed 's/+00:00"/Z"/g' >"$folder/body$way"; done
  for way in "${!ways[@]}"; do cmp "$folder/body0" "$folder/body$way"; done
}

cpu() { # -> microseconds that the servers have computed for
  awk -v tick="$(getconf CLK_TCK)" '{ ticks += $14 + $15 } END { print ticks / tick * 1000000 }' "${servers[@]}"
}

turn() { # WAY PATH SCRIPT -> requests/s; p50, p99 and the computing time of a request in microseconds
  local before
  before=$(cpu)
  wrk -t1 -c"$connections" -d"${seconds}s" --latency ${3:+-s "$3"} "$(url "$1" "$2")" >"$folder/wrk"
  if grep -q 'Non-2xx\|Socket errors' "$folder/wrk"; then cat "$folder/wrk" >&2; exit 1; fi
  awk -v cpu="$(awk "BEGIN {print $(cpu) - $before}")" '
    function us(t) { return t ~ /us$/ ? t + 0 : t ~ /ms$/ ? t * 1000 : t * 1000000 }
    $1 == "50%" { p50 = us($2) }
    $1 == "99%" { p99 = us($2) }
    / requests in / { requests = $1 }
    /^Requests\/sec/ { print $2, p50, p99, cpu / requests }' "$folder/wrk"
}

median() { # WAY EXPRESSION of its turns, in which rate and cpu are the gateway's by round
  awk -v way="$1" 'NR == FNR { if ($1 == 1) { rate[$2] = $3; cpu[$2] = $6 } next }
    $1 == way { print '"$2"' }' "$folder/turns" "$folder/turns" | sort -g |
    awk '{ value[NR] = $1 } END { print (value[int((NR + 1) / 2)] + value[int(NR / 2) + 1]) / 2 }'
}

race() { # TITLE PATH [SCRIPT]
  local round turn way result
  : >"$folder/turns"
  for ((round = 0; round <= rounds; round++)); do
    for turn in "${!ways[@]}"; do
      # Nobody is always the first, and the first round warms up.
      way=$(((turn + round) % ${#ways[@]}))
      result=$(turn "$way" "$2" "${3:-}")
      echo "$way $round $result" >>"$folder/turns"
    done
    ((round > 0)) || : >"$folder/turns"
  done
  printf '\n%-24s%12s%12s%12s%14s%22s\n' "$1" requests/s p50 p99 CPU/request 'gateway: rate,   CPU'
  for way in "${!ways[@]}"; do
    printf '  %-22s%12.0f%9.0f us%9.0f us%11.1f us%14.2f%8.2f\n' "${ways[way]}" "$(median "$way" '$3')" \
      "$(median "$way" '$4')" "$(median "$way" '$5')" "$(median "$way" '$6')" \
      "$(median "$way" 'rate[$2] / $3')" "$(median "$way" 'cpu[$2] / $6')"
  done
}

cat >"$folder/post.lua" <<LUA
wrk.method = "POST"
wrk.body = '$(cat ../directory/user.json)'
wrk.headers["content-type"] = "application/json"
LUA
check /v1/users/1
check /v1/users
check /v1/users -H 'content-type: application/json' -d @../directory/user.json
race 'GET of one' /v1/users/1
race 'GET of a list of 50' /v1/users
race 'POST of one' /v1/users "$folder/post.lua"

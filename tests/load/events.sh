#!/usr/bin/env bash
# Measures events on their way from a change through the outbox and JetStream to a consumer: beside changes of few clients
# and of many, and when a backlog is published. First for an embedded server with NATS, then for two replicas on PostgreSQL; all
# that is written is flushed to the disk, by NATS too. Needs what tests/cluster/run.sh needs.
#   tests/load/events.sh [SECONDS A RUN] [ROUNDS]
set -euo pipefail
cd "$(dirname "$0")/../.."

# So short that a replay is no duplicate.
export NATS_STREAM_DUPLICATE_WINDOW=100ms
if [[ -z "${VEZA_URL:-}" ]]; then
    cargo build --release --bin veza --example calls --example arrivals
    export RATE_LIMIT_PER_MINUTE=1000000000 SIGN_IN_RATE_LIMIT_PER_MINUTE=1000000000
    VEZA=target/release/veza exec tests/cluster/run.sh "$PWD/tests/load/events.sh" "$@"
fi
seconds=${1:-5} rounds=${2:-3}
veza="$PWD/target/release/veza"

folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$folder"' EXIT
embedded=127.0.0.1:18080 shared=${VEZA_REPLICAS%% *}
database="sqlite:$folder/veza.db"
env -u REDIS_URL DATABASE_URL="$database" "$veza" --listen-addr "$embedded" >"$folder/log" 2>&1 &
until curl -sf -o /dev/null "http://$embedded/health"; do sleep 0.01; done

follow() { # begins to wait for events
    : >"$folder/arrivals"
    target/release/examples/arrivals "$NATS_URL" >"$folder/arrivals" &
    follower=$!
    until grep -q waiting "$folder/arrivals"; do sleep 0.01; done
}
measure() { # NAME ADDRESS DATABASE_URL
    # Few clients leave room on the cores; many take all that there is.
    for clients in 2 16; do
        follow
        echo "$1, $clients clients: $(target/release/examples/calls "$2" room-updates "$seconds" "$clients")"
        wait "$follower"
        echo "$1, $clients clients: $(tail -n 1 "$folder/arrivals")"
    done
    follow
    DATABASE_URL="$3" "$veza" outbox replay --since "$((seconds + 5))s" --yes >/dev/null
    wait "$follower"
    # How long ago they happened says nothing now.
    echo "$1, a backlog: $(sed -n '$ s/ms (p50.*//; $ s/, [^,]*$//p' "$folder/arrivals")"
}
for round in $(seq "$rounds"); do
    measure 'embedded' "$embedded" "$database"
    measure 'two replicas' "$shared" "$DATABASE_URL"
done

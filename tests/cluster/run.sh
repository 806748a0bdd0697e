#!/usr/bin/env bash
# Starts what docker-compose.yml describes from binaries of this machine, on private ports and in a temporary folder: PostgreSQL,
# Redis, NATS, replicas of the server, and Envoy in front of them with compose/envoy.yaml.
#
#   tests/cluster/run.sh [--replicas N] [COMMAND ...]
#
# Runs the command with VEZA_URL, the address of Envoy, and VEZA_REPLICAS, those of the servers, in its environment, and stops
# everything after it. Without a command it goes on until it is interrupted. VEZA is the binary, by default the newest that
# cargo has built.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PATH="$PWD/target/tools/venv/bin:$PATH"

replicas=2
if [[ "${1:-}" == --replicas ]]; then
    replicas="$2"
    shift 2
fi
newest="$(ls -t target/release/veza target/debug/veza 2>/dev/null | head -n 1 || true)"
veza="$(realpath "${VEZA:-${newest:?build the server first: cargo build}}")"
command -v envoy >/dev/null || { echo 'envoy is not installed: make tools' >&2; exit 1; }

folder="$(mktemp -d)"
servers=()
# Where each script that runs a dependency takes its commands: it stops when this is closed.
commands=()

stop() {
    trap '' INT TERM
    ((${#servers[@]})) && kill -TERM "${servers[@]}" 2>/dev/null
    # Servers first: they finish what they have begun.
    ((${#servers[@]})) && wait "${servers[@]}" 2>/dev/null
    for each in "${commands[@]}"; do
        exec {each}>&-
    done
    wait
    rm -rf "$folder"
}
trap stop EXIT
trap 'exit 130' INT TERM

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# Waits for a condition, at most half a minute.
until_true() {
    local what="$1" log="$2" tries=0
    shift 2
    until "$@" >/dev/null 2>&1; do
        ((++tries < 600)) || { echo "$what does not start:" >&2; cat "$log" >&2; exit 1; }
        sleep 0.05
    done
}

# Runs a dependency by the script that the tests use, too.
depend() {
    local name="$1" port="$2" script pipe="$folder/$1.commands"
    shift 2
    script="$(cat tests/support/process.sh "tests/support/$name.sh")"
    mkfifo "$pipe"
    # Both ends, because opening one alone waits for the other. Children must not hold them, or they would never close.
    exec {command}<>"$pipe"
    (close_commands && exec sh -c "$script" "$name" "$port" "$@" <"$pipe" {command}>&-) >"$folder/$name.log" 2>&1 &
    commands+=("$command")
    echo start >&"$command"
    until_true "$name" "$folder/$name.log" grep -qx ready "$folder/$name.log"
}

close_commands() {
    local each
    for each in "${commands[@]}"; do
        exec {each}>&-
    done
}

postgres="$(free_port)" redis="$(free_port)" nats="$(free_port)" front="$(free_port)"
# As durable as in production, which the tests of the server have no need of.
depend postgres "$postgres" -c fsync=on -c full_page_writes=on
depend redis "$redis"
depend nats "$nats" current 'jetstream { store_dir: "FOLDER/data", sync_interval: always }'

export DATABASE_URL="postgres://veza@127.0.0.1:$postgres/postgres"
export REDIS_URL="redis://127.0.0.1:$redis"
export NATS_URL="nats://127.0.0.1:$nats"
export JWT_SECRET="a secret for one run on one machine, of 48 bytes"
export TRUSTED_PROXIES=127.0.0.1 LOG_FORMAT=json DRAIN_DELAY=3s
(cd "$folder" && "$veza" migrate)

addresses=()
for ((number = 1; number <= replicas; number++)); do
    port="$(free_port)"
    (close_commands && cd "$folder" && exec "$veza" --listen-addr "127.0.0.1:$port") >"$folder/veza-$number.log" 2>&1 &
    servers+=($!)
    addresses+=("127.0.0.1:$port")
    until_true "veza $number" "$folder/veza-$number.log" \
        "$veza" health --ready --listen-addr "127.0.0.1:$port"
done

# The same file as in the composition, with other addresses.
awk -v front="$front" -v addresses="${addresses[*]}" '
    /socket_address: \{address: 127.0.0.1, port_value: 9901\}/ { sub(/9901/, "0") }
    /socket_address: \{address: 0.0.0.0, port_value: 8080\}/ { sub(/0.0.0.0, port_value: 8080/, "127.0.0.1, port_value: " front) }
    /^ *- endpoint:$/ { first = $0; getline second; next }
    /socket_address: \{address: veza, port_value: 8080\}/ {
        count = split(addresses, each, " ")
        for (i = 1; i <= count; i++) {
            split(each[i], parts, ":")
            line = $0
            sub(/veza, port_value: 8080/, parts[1] ", port_value: " parts[2], line)
            print first; print second; print line
        }
        next
    }
    { print }
' compose/envoy.yaml >"$folder/envoy.yaml"
(close_commands && exec envoy --config-path "$folder/envoy.yaml" --use-dynamic-base-id --concurrency 1 --log-level warn) \
    >"$folder/envoy.log" 2>&1 &
servers+=($!)
until_true envoy "$folder/envoy.log" curl --silent --fail "http://127.0.0.1:$front/ready"

export VEZA_URL="http://127.0.0.1:$front" VEZA_REPLICAS="${addresses[*]}" VEZA_LOGS="$folder"
if (($#)); then
    "$@"
else
    echo "serving on $VEZA_URL; the replicas listen on $VEZA_REPLICAS; logs are in $folder"
    sleep infinity &
    wait $!
fi

# Runs a NATS server with JetStream in a temporary folder, on the port given, until standard input is closed.
set -eu

# Interrupting the tests closes standard input, and that is what ends this script: in order.
trap '' HUP INT TERM

# `make tools` installs it below target/tools.
PATH="$PWD/target/tools/venv/bin:$PATH"
if ! command -v nats-server >/dev/null; then
    echo 'it is not installed; these tests need version 2.9 or later: make tools, or brew install nats-server'
    exit 1
fi

folder=$(mktemp -d)
server=
clean_up() {
    if [ -n "$server" ]; then kill -9 "$server" 2>/dev/null || true; fi
    rm -rf "$folder"
}
trap clean_up EXIT

nats-server --addr 127.0.0.1 --port "$1" --jetstream --store_dir "$folder/data" >"$folder/log" 2>&1 </dev/null &
server=$!

until grep -q 'Server is ready' "$folder/log"; do
    if ! kill -0 "$server" 2>/dev/null; then cat "$folder/log"; exit 1; fi
    sleep 0.02
done

echo ready
read -r _ || true

# Runs a Redis server in a temporary folder, on the port given, until standard input is closed.
set -eu

# Interrupting the tests closes standard input, and that is what ends this script: in order.
trap '' HUP INT TERM

if ! command -v redis-server >/dev/null; then
    echo 'it is not installed; these tests need version 7 or later: apt install redis-server, or brew install redis'
    exit 1
fi

folder=$(mktemp -d)
server=
clean_up() {
    if [ -n "$server" ]; then kill -9 "$server" 2>/dev/null || true; fi
    rm -rf "$folder"
}
trap clean_up EXIT

redis-server --port "$1" --bind 127.0.0.1 --dir "$folder" --save '' --enable-debug-command local \
    >"$folder/log" 2>&1 </dev/null &
server=$!

until grep -q 'Ready to accept connections' "$folder/log"; do
    if ! kill -0 "$server" 2>/dev/null; then cat "$folder/log"; exit 1; fi
    sleep 0.02
done

echo ready
read -r _ || true

# Runs a Redis server in the folder, on the port.

if ! command -v redis-server >/dev/null; then
    echo 'it is not installed; these tests need version 7 or later: apt install redis-server, or brew install redis'
    exit 1
fi

start() {
    : >"$folder/log"
    redis-server --port "$port" --bind 127.0.0.1 --dir "$folder" --save '' --enable-debug-command local \
        >"$folder/log" 2>&1 </dev/null &
    server=$!
    await 'Ready to accept connections'
}

obey

# Runs a NATS server with JetStream in the folder, on the port.

# `make tools` installs it below target/tools.
PATH="$PWD/target/tools/venv/bin:$PATH"
if ! command -v nats-server >/dev/null; then
    echo 'it is not installed; these tests need version 2.9 or later: make tools, or brew install nats-server'
    exit 1
fi

start() {
    nats-server --addr 127.0.0.1 --port "$port" --jetstream --store_dir "$folder/data" \
        >"$folder/log" 2>&1 </dev/null &
    server=$!
    await 'Server is ready'
}

# What it had stored is gone, as with a disk. Only while it does not run.
forget() { rm -rf "$folder/data"; }

obey

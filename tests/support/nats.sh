# Runs a NATS server in the folder, on the port. More arguments: `current` or `oldest`, which release it is to be; and its
# configuration, in which FOLDER stands for the folder.

# `make tools` installs both below target/tools.
case "$2" in
current) PATH="$PWD/target/tools/venv/bin:$PATH" ;;
oldest) PATH="$PWD/target/tools/nats-oldest/usr/sbin" ;;
esac
if ! nats=$(command -v nats-server); then
    echo 'it is not installed; these tests need version 2.9 or later: make tools, or brew install nats-server'
    exit 1
fi
PATH="$PATH:/usr/bin:/bin"
printf '%s\n' "$3" | sed "s,FOLDER,$folder,g" >"$folder/config"

start() {
    : >"$folder/log"
    "$nats" --addr 127.0.0.1 --port "$port" --config "$folder/config" >"$folder/log" 2>&1 </dev/null &
    server=$!
    await 'Server is ready'
}

# What it had stored is gone, as with a disk. Only while it does not run.
forget() { rm -rf "$folder/data"; }

obey

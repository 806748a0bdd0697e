# What the servers of tests have in common: a folder, an end, and commands on standard input. The script of a server comes
# after this, and says what it means to `start`, and to whatever else tests ask of it.
set -eu

# Interrupting the tests closes standard input, and that is what ends this script: in order.
trap '' HUP INT TERM

port=$1
folder=$(mktemp -d)
server=

clean_up() {
    if [ -n "$server" ]; then kill -9 "$server" 2>/dev/null || true; fi
    rm -rf "$folder"
}
trap clean_up EXIT

# Waits until the log says this; a server that has ended says why. Whoever starts one empties the log before, or what an
# earlier one said would pass for what this one says.
await() {
    until grep -q "$1" "$folder/log"; do
        if ! kill -0 "$server" 2>/dev/null; then cat "$folder/log"; exit 1; fi
        sleep 0.02
    done
}

# The process ends at once, as when the machine is short of memory.
crash() {
    kill -9 "$server"
    wait "$server" 2>/dev/null || true
}

# The process stands still: connections stay open, and nothing is answered.
pause() { kill -STOP "$server"; }
resume() { kill -CONT "$server"; }

# Does what it is told, line by line, and says when it is done.
obey() {
    while read -r command; do
        $command
        echo ready
    done
}

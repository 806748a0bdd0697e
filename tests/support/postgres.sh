# Runs a PostgreSQL server in the folder, on the port; more arguments are settings as `-c max_connections=20`.

initdb=
for found in /usr/lib/postgresql/*/bin/initdb "$(command -v initdb || true)"; do
    if [ -x "$found" ]; then initdb=$found; fi
done
if [ -z "$initdb" ]; then
    echo 'it is not installed; these tests need version 15 or later: apt install postgresql, or brew install postgresql'
    exit 1
fi
bin=$(dirname "$(readlink -f "$initdb")")
cd "$folder"

# PostgreSQL refuses to run as root.
as_owner() { "$@"; }
if [ "$(id -u)" = 0 ]; then
    owner=postgres
    id "$owner" >/dev/null 2>&1 || owner=nobody
    chown "$owner" "$folder"
    as_owner() { setpriv --reuid="$owner" --regid="$(id -g "$owner")" --clear-groups "$@"; }
fi

clean_up() {
    stop immediate
    cd /
    rm -rf "$folder"
}

shift
# The data need not survive the machine, only the server.
settings="-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=200 -c fsync=off \
    -c full_page_writes=off $*"

start() {
    as_owner "$bin/pg_ctl" start -D "$folder/data" -w -l "$folder/data/log" -o "$settings" \
        </dev/null >"$folder/log" 2>&1 || { cat "$folder/log" "$folder/data/log"; exit 1; }
}

# In one of PostgreSQL's modes: smart, fast or immediate.
stop() { as_owner "$bin/pg_ctl" stop -D "$folder/data" -m "$1" >/dev/null 2>&1 || true; }

# The postmaster alone is killed; its children find that out, and the next one starts when they are gone.
crash() {
    server=$(head -n 1 "$folder/data/postmaster.pid")
    group=$(pgrep -P "$server" || true)
    kill -9 "$server"
    for process in $server $group; do
        while is_running "$process"; do sleep 0.02; done
    done
    # Its number may still be listed, which would keep the next one from starting.
    rm "$folder/data/postmaster.pid"
}

# A process that has ended is listed until somebody asks for its end.
is_running() {
    case "$(ps -o stat= -p "$1")" in '' | Z*) return 1 ;; esac
}

# A locale whose order is not that of bytes, so that no test passes thanks to the locale.
as_owner "$bin/initdb" -D "$folder/data" -U veza -A trust -N -E UTF8 --locale=C --locale-provider=icu \
    --icu-locale=en-US >"$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }

obey

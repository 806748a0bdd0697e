# Runs pgbouncer in the folder, on the port, in front of the PostgreSQL server whose port is the second argument. It lends
# connections by transaction, and has few of them, so that no two transactions count on the same one.

PATH="$PATH:/usr/sbin"
if ! command -v pgbouncer >/dev/null; then
    echo 'it is not installed: apt install pgbouncer, or brew install pgbouncer'
    exit 1
fi

cat >"$folder/settings" <<END
[databases]
* = host=127.0.0.1 port=$2 user=veza

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $port
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
server_idle_timeout = 1
max_client_conn = 1000
END

# pgbouncer refuses to run as root. Whoever runs this becomes it, so that its number is the one that is killed in the end.
as_owner() { exec "$@"; }
if [ "$(id -u)" = 0 ]; then
    owner=postgres
    id "$owner" >/dev/null 2>&1 || owner=nobody
    chown -R "$owner" "$folder"
    as_owner() { exec setpriv --reuid="$owner" --regid="$(id -g "$owner")" --clear-groups "$@"; }
fi

start() {
    : >"$folder/log"
    as_owner pgbouncer "$folder/settings" >"$folder/log" 2>&1 </dev/null &
    server=$!
    await 'process up'
}

obey

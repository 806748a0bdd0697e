# Runs a PostgreSQL server in a temporary folder, on the port given, until standard input is closed.
set -eu

# Interrupting the tests closes standard input, and that is what ends this script: in order.
trap '' HUP INT TERM

initdb=
for found in /usr/lib/postgresql/*/bin/initdb "$(command -v initdb || true)"; do
    if [ -x "$found" ]; then initdb=$found; fi
done
if [ -z "$initdb" ]; then
    echo 'it is not installed; these tests need version 15 or later: apt install postgresql, or brew install postgresql'
    exit 1
fi
bin=$(dirname "$(readlink -f "$initdb")")

folder=$(mktemp -d)
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
    as_owner "$bin/pg_ctl" stop -D "$folder/data" -m immediate >/dev/null 2>&1 || true
    cd /
    rm -rf "$folder"
}
trap clean_up EXIT

# A locale whose order is not that of bytes, so that no test passes thanks to the locale.
as_owner "$bin/initdb" -D "$folder/data" -U veza -A trust -N -E UTF8 --locale=C --locale-provider=icu \
    --icu-locale=en-US >"$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }

# The data need not survive the tests.
as_owner "$bin/pg_ctl" start -D "$folder/data" -w -l "$folder/data/log" -o "-p $1 -k '$folder' \
    -c listen_addresses=127.0.0.1 -c max_connections=200 -c fsync=off -c full_page_writes=off" \
    </dev/null >"$folder/log" 2>&1 || { cat "$folder/log" "$folder/data/log"; exit 1; }

echo ready
read -r _ || true

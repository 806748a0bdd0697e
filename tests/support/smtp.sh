# Runs a mail server in the folder, on the port. More arguments: where its mails go, how it is spoken to (plain, starttls or
# tls), and who may sign in, as USER:PASSWORD, if anybody has to. It keeps its certificates beside the mails.

# `make tools` installs it below target/tools.
PATH="$PWD/target/tools/venv/bin:$PATH"
if ! python3 -c 'import aiosmtpd' 2>/dev/null; then
    echo 'aiosmtpd is not installed: make tools'
    exit 1
fi
inbox=$2
security=$3
login=$4

if [ "$security" != plain ]; then
    (
        cd "$inbox"
        {
            openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=authority -days 2 -keyout ca.key -out ca.crt
            openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr
            printf 'subjectAltName=DNS:localhost,IP:127.0.0.1' >extensions
            openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 \
                -extfile extensions -out server.crt
        } 2>openssl.log || cat openssl.log
    )
fi

start() {
    : >"$folder/log"
    python3 tests/support/smtp.py "$port" "$inbox" "$security" "$login" >"$folder/log" 2>&1 </dev/null &
    server=$!
    await 'ready'
}

obey

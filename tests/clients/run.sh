#!/usr/bin/env bash
# Calls a debug server with the clients that people use, and with what tools make of its OpenAPI document; then replicas
# behind Envoy with the same clients. Everything that it installs stays below target/tools.
#
# usage: tests/clients/run.sh [path of the server's binary]
set -euo pipefail

readonly GRPCURL=v1.9.4
readonly GRPCIO=1.85.1

cd "$(dirname "$0")/../.."
readonly tools="$PWD/target/tools"
readonly server="${1:-${CARGO_TARGET_DIR:-target}/debug/veza}"

install_grpcurl() {
    [[ -x "$tools/bin/grpcurl" ]] ||
        GOBIN="$tools/bin" go install "github.com/fullstorydev/grpcurl/cmd/grpcurl@$GRPCURL"
}

install_python() {
    [[ -x "$tools/venv/bin/python" ]] || python3 -m venv "$tools/venv"
    "$tools/venv/bin/pip" install --quiet --disable-pip-version-check \
        "grpcio-tools==$GRPCIO" "grpcio-status==$GRPCIO"
    rm -rf "$tools/stubs"
    mkdir -p "$tools/stubs"
    # google/api comes with grpcio-status; a second copy would hide the rest of the package `google`.
    local protos
    mapfile -t protos < <(find proto/veza proto/buf -name '*.proto')
    "$tools/venv/bin/python" -m grpc_tools.protoc -I proto \
        --python_out="$tools/stubs" --grpc_python_out="$tools/stubs" "${protos[@]}"
}

scripts/tools.sh
install_grpcurl
install_python

export PATH="$tools/node_modules/.bin:$tools/bin:$tools/venv/bin:$PATH" PYTHONPATH="$tools/stubs"
"$tools/venv/bin/python" tests/clients/run.py "$server"
VEZA="$server" tests/cluster/check.sh

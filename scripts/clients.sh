#!/usr/bin/env bash
# Calls a debug server with the clients that people use: grpcurl, grpcio, buf curl, curl.
set -euo pipefail

cd "$(dirname "$0")/.."
cargo build --bin veza
tests/clients/run.sh

#!/usr/bin/env bash
# Calls replicas behind Envoy with the clients that people use, and checks that every replica has served some of them.
#
# usage: tests/cluster/check.sh, which runs itself within tests/cluster/run.sh
set -euo pipefail
cd "$(dirname "$0")/../.."

if [[ -z "${VEZA_URL:-}" ]]; then
    # The clients try many things quickly, from one address.
    export RATE_LIMIT_PER_MINUTE=1000000 SIGN_IN_RATE_LIMIT_PER_MINUTE=1000000
    exec tests/cluster/run.sh "$PWD/tests/cluster/check.sh"
fi

target/tools/venv/bin/python tests/clients/run.py --at "${VEZA_URL#http://}"
for log in "$VEZA_LOGS"/veza-*.log; do
    served="$(grep -c '"rpc_method":"veza\.' "$log" || true)"
    echo "$(basename "$log" .log) served $served calls"
    ((served > 0)) || { echo 'FAILED  Envoy leaves a replica without calls'; exit 1; }
done

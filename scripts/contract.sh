#!/usr/bin/env bash
# Checks proto/: its style, its format, and that no client of the version before breaks.
#
# usage: scripts/contract.sh [git revision to compare with; by default the last tag, or the commit before this one]
set -euo pipefail

cd "$(dirname "$0")/.."
PATH="$PWD/target/tools/node_modules/.bin:$PATH"

version_before() {
    git describe --tags --abbrev=0 HEAD^ 2>/dev/null || git rev-parse --quiet --verify HEAD^
}

buf lint
buf format --diff --exit-code

if ! before="${1:-$(version_before)}"; then
    echo "contract: there is no version before this one to compare with"
    exit 0
fi
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
if ! git archive "$before" buf.yaml proto 2>/dev/null | tar -x -C "$folder" 2>/dev/null; then
    echo "contract: $before has no contract to compare with"
    exit 0
fi
buf breaking --against "$folder"
echo "contract: formatted, lint-free, and compatible with $before"

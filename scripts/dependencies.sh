#!/usr/bin/env bash
# Checks the dependencies: one implementation of cryptography, and what deny.toml says of licences, sources and bans.
set -euo pipefail

cd "$(dirname "$0")/.."
PATH="$PWD/target/tools/venv/bin:$PATH"

for banned in ring openssl openssl-sys native-tls; do
    # Cargo reports a package that nothing uses on standard error, and prints no tree of it.
    tree="$(cargo tree --workspace --edges all --target all --invert "$banned" 2>/dev/null || true)"
    if [[ -n "$tree" ]]; then
        printf 'dependencies: %s is back; aws-lc-rs and rustls are the only ones\n%s\n' "$banned" "$tree" >&2
        exit 1
    fi
done
echo "dependencies: no second implementation of cryptography"

# Advisories need a database from the network: `cargo deny check advisories` where it can be reached.
cargo deny --workspace --locked check licenses bans sources

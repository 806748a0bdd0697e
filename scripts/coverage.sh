#!/usr/bin/env bash
# Measures which lines of src/ a server runs while the tests of the API ask it: all in all, of signing in and access, and of
# each file that has less than nine tenths. Takes about a quarter of an hour. Arguments are filters of tests.
#   scripts/coverage.sh [FILTER...]
set -euo pipefail
cd "$(dirname "$0")/.."

readonly LLVM_PROFPARSER=0.15.0
readonly access='/(policy|oauth)/|(access|admission|api_keys?|attempts?|auth|caller|cookie|crypto|delivery|guard|identit(y|ies)|keys?|keyring|mfa|one_time_tokens?|origin|passwords?|permission|recovery|refresh_token|revocation|role|second_factors?|sessions?|sign_up|token|totp|verification)\.rs$'

folder="$PWD/target/coverage"
mkdir -p "$folder"
if [[ ! -x "$folder/bin/cov" ]]; then
    CARGO_TARGET_DIR="$folder/tools" cargo install --quiet --locked --root "$folder" "llvm_profparser@$LLVM_PROFPARSER"
fi

# Counts are written to a file that processes share as they run, so that a server may be killed. What is not our own is
# built as always.
cat >"$folder/rustc" <<'END'
#!/bin/sh
exec "$@" -C instrument-coverage -C llvm-args=-runtime-counter-relocation
END
chmod +x "$folder/rustc"
export CARGO_TARGET_DIR="$folder" CARGO_INCREMENTAL=0 RUSTC_WORKSPACE_WRAPPER="$folder/rustc"
LLVM_PROFILE_FILE=/dev/null cargo build --workspace --tests
rm -rf "$folder/counts"
LLVM_PROFILE_FILE="$folder/counts/%c%m.profraw" cargo test --workspace --test api -- "$@"

mapfile -t counts < <(find "$folder/counts" -name '*.profraw' -size +0 -printf '--instr-profile\n%p\n')
"$folder/bin/cov" show "${counts[@]}" --object "$folder/debug/veza" | awk -v root="$PWD/" -v access="$access" '
    /^\// { file = index($0, root "src/") == 1 ? substr($0, length(root) + 1) : ""; next }
    # Line number, count, text; what is no code has no count.
    file != "" && match($0, /^ *[0-9]+\| *[0-9.]+[a-zA-Z]?\|/) {
        split($0, column, "|")
        lines[file]++
        run[file] += column[2] + 0 > 0
    }
    function share(run, lines, of) { return sprintf("%5.1f %%  %5d of %5d lines  %s", 100 * run / lines, run, lines, of) }
    END {
        for (file in lines) {
            all += lines[file]; all_run += run[file]
            if (file ~ access) { some += lines[file]; some_run += run[file] }
            if (run[file] < 0.9 * lines[file]) print share(run[file], lines[file], file) | "sort -n"
        }
        close("sort -n")
        print share(some_run, some, "signing in and access")
        print share(all_run, all, "all of src")
    }'

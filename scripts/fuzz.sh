#!/usr/bin/env bash
# Runs the fuzz targets of the gateway: scripts/fuzz.sh [seconds for each target, 60 by default] [target...]
# scripts/fuzz.sh --minimize takes what the runs have found into the corpus that is kept with the code.
#
# Needs a C++ compiler for libFuzzer; stable Rust is enough. What a run finds stays in target/fuzz/corpus, and an input
# that breaks a target in target/fuzz/artifacts.
set -euo pipefail

cd "$(dirname "$0")/.."
readonly out="$PWD/target/fuzz" seeds="$PWD/gateway/fuzz/corpus"
host="$(rustc -vV | sed -n 's/^host: //p')"

# The instrumentation that libFuzzer steers by. It needs a named target, so that build scripts go without.
export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Ccodegen-units=1 \
-Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
-Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares"
cargo build --release --locked --target "$host" --target-dir "$out/build" --manifest-path gateway/fuzz/Cargo.toml

binary() { printf '%s' "$out/build/$host/release/$1"; }

# How many inputs of a target the code keeps: few enough to be looked at. A run soon finds the others again.
readonly SEEDS_MAX=38

# The fewest inputs that reach every place, of which the longest reach most. What has a name stays.
minimize() {
    local target="$1" minimal="$out/minimal"
    rm -rf "$minimal" && mkdir -p "$minimal" "$out/corpus/$target"
    "$(binary "$target")" -set_cover_merge=1 -use_counters=0 -max_len=512 "$minimal" "$seeds/$target" "$out/corpus/$target"
    find "$seeds/$target" -type f -regextype posix-extended -regex '.*/[0-9a-f]{40}' -delete
    local room=$((SEEDS_MAX - $(find "$seeds/$target" -type f | wc -l)))
    ((room <= 0)) || find "$minimal" -type f -printf '%s %p\n' | sort -rn | sed -n "1,${room}s/^[0-9]* //p" |
        xargs -r cp -t "$seeds/$target"
}

if [[ "${1:-}" == --minimize ]]; then
    for folder in "$seeds"/*/; do
        minimize "$(basename "$folder")"
    done
    exit
fi

readonly seconds="${1:-60}"
shift || true
targets=("$@")
if [[ ${#targets[@]} -eq 0 ]]; then
    mapfile -t targets < <(cd gateway/fuzz/fuzz_targets && ls -- *.rs | sed 's/\.rs$//')
fi

run() {
    local target="$1" log="$out/$1.log"
    mkdir -p "$out/corpus/$target" "$out/artifacts"
    if "$(binary "$target")" "$out/corpus/$target" "$seeds/$target" -max_total_time="$seconds" -max_len=4096 \
        -timeout=5 -rss_limit_mb=1024 -artifact_prefix="$out/artifacts/$target-" -print_final_stats=1 \
        -use_value_profile=1 -verbosity=1 >"$log" 2>&1; then
        printf 'ok      %-14s %s inputs\n' "$target" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")"
    else
        tail -n 40 "$log"
        printf 'FAILED  %-14s the input is named above, the log is %s\n' "$target" "$log"
        return 1
    fi
}

# One for each processor.
failures=0
for target in "${targets[@]}"; do
    while [[ $(jobs -rp | wc -l) -ge $(nproc) ]]; do
        wait -n || failures=$((failures + 1))
    done
    run "$target" &
done
while [[ $(jobs -rp | wc -l) -gt 0 ]]; do
    wait -n || failures=$((failures + 1))
done
exit "$((failures > 0))"

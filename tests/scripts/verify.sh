#!/bin/bash
# Every program of the tests, the examples and the benchmark keeps what each pass promises, up to kernels with addresses (--verify).
set -u
check() {
    local said
    said=$("$NNC" build --verify --stop-after claims "$1" 2>&1) && return
    echo "$1: $said"
    return 1
}
export -f check
find "$ROOT"/tests/{models,library,loops,reads} "$ROOT/examples" "$ROOT/bench" -name '*.nn' | sort >programs.txt
[ "$(wc -l <programs.txt)" -gt 300 ] || { echo "few programs: $(wc -l <programs.txt)"; exit 1; }
xargs -P 2 -I{} bash -c 'check {}' <programs.txt

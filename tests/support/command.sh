# What tests of commands share: `fail MESSAGE` notes a failure in `bad`.
bad=0
fail() { echo "$1"; bad=1; }

# gives STATUS PATTERN ARGUMENTS...: what nnc answers, on both streams, and its exit code.
gives() {
    local status=$1 pattern=$2 out
    shift 2
    out=$("$NNC" "$@" 2>&1)
    local got=$?
    [ $got -eq "$status" ] || fail "nnc $*: exit code $got, not $status: $out"
    grep -q -e "$pattern" <<<"$out" || fail "nnc $*: no '$pattern' in: $out"
}

# What tests of commands share: `fail MESSAGE` notes a failure in `bad`.
bad=0
fail() { echo "$*"; bad=1; }

# expect STATUS PATTERN COMMAND...: the exit code of any command, and a line it prints.
expect() {
    local status=$1 pattern=$2 out got
    shift 2
    out=$("$@" 2>&1)
    got=$?
    [ $got -eq "$status" ] && grep -qE "$pattern" <<<"$out" ||
        fail "exit $got for $status, wanted /$pattern/: $*"$'\n'"$(head -n 5 <<<"$out")"
}

# gives STATUS PATTERN ARGUMENTS...: what nnc answers, on both streams, and its exit code.
gives() {
    local status=$1 pattern=$2 out
    shift 2
    out=$("$NNC" "$@" 2>&1)
    local got=$?
    [ $got -eq "$status" ] || fail "nnc $*: exit code $got, not $status: $out"
    grep -q -e "$pattern" <<<"$out" || fail "nnc $*: no '$pattern' in: $out"
}

# npy_file FILE TYPE SHAPE: an array, whose bytes follow from standard input; octets NUMBER...: bytes.
npy_file() {
    printf "\223NUMPY\001\000\166\000%-117s\n" "{'descr': '$2', 'fortran_order': False, 'shape': ($3), }" >"$1" && cat >>"$1"
}
octets() { printf "$(printf '\\%03o' "$@")"; }

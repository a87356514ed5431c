# Every row of compiler/diagnostics.def is provoked: those with an example by a golden of tests/errors, the others here, where a
# program is too long, an option or the machine is at fault. The right message, exit code, and no endless time or memory.
set -u
bad=0
mkdir -p messages && cd messages || exit 1
seen=" "
# Sanitizers take more of the address space than there is memory.
memory=3000000
[ -z "${SANITIZED:-}" ] || memory=unlimited

# CODE (of the table) STATUS COMMAND...: the message is the row's text, `%` of any kind standing for anything.
provoke() {
    local code=$1 status=$2 out got pattern
    shift 2
    seen+="$code "
    pattern=$(sed -n "s/^DIAGNOSTIC($code, *[A-Z]*, \"\(\([^\"\\\\]\|\\\\.\)*\)\".*/\1/p" "$ROOT/compiler/diagnostics.def" |
        sed -E 's/\\"/"/g; s/[][().*^$+?{}|\\]/\\&/g; s/%(\\\.\\\*)?(02|ll)?[sdx]/.*/g')
    out=$( (ulimit -v $memory; timeout 60 "$@") 2>&1)
    got=$?
    if [ $got -ne "$status" ] || [ -z "$pattern" ] || ! grep -qE "(error|warning): $pattern" <<<"${out//$'\n'/ }"; then
        echo "$code: exit $got for $status: $*" | cut -c1-200
        head -n 5 <<<"$out" | cut -c1-200
        bad=1
    fi
}
repeat() { head -c "$2" /dev/zero | tr '\0' "$1"; } # a character so many times
model() { printf 'model net(x[batch, 9]) -> y[batch, 9] {\n    %s\n}\n' "$1"; }

# ---- files ----
cp "$ROOT/examples/xor/xor.nn" .
provoke FILE_UNREADABLE 3 "$NNC" check missing.nn
provoke FILE_UNREADABLE 3 "$NNC" check .
(printf '#'; repeat ' ' $((16 * 1024 * 1024 - 1))) >most.nn
"$NNC" check most.nn || { echo "16 MiB are refused"; bad=1; }
printf '\n' >>most.nn
provoke FILE_TOO_LARGE 3 "$NNC" check most.nn
provoke FILE_TOO_LARGE 3 "$NNC" check /dev/zero
mkfifo pipe
provoke FILE_UNWRITABLE 3 "$NNC" build xor.nn -o pipe
[ -p pipe ] || { echo "a pipe was replaced by a file"; bad=1; }
provoke FILE_UNWRITABLE 3 "$NNC" build xor.nn -o missing/xor
printf 'a  = 1\n' >torn.nn
(mkfifo texts; timeout 60 sh -c 'cat torn.nn >texts') &
while [ ! -p texts ]; do sleep 0.05; done
provoke FILE_UNWRITABLE 3 "$NNC" fmt --write texts
wait
for command in fmt summary explain; do
    "$NNC" $command xor.nn >/dev/full 2>said
    [ $? -eq 3 ] && grep -q "cannot write the output" said || { echo "$command: a full disk goes unnoticed"; bad=1; }
done

# ---- text ----
printf 'a = 1\0\n' >nul.nn
provoke TEXT_NUL 1 "$NNC" check nul.nn
(printf 'a = '; repeat x 256) >name.nn
provoke NAME_LENGTH 1 "$NNC" check name.nn
(printf 'a = '; repeat '(' 1000000; printf 1; repeat ')' 1000000) >deep.nn
provoke NESTING 1 "$NNC" check deep.nn
(printf 'a = 1'; for k in $(seq 5000); do printf ' + %d' "$k"; done) >long.nn
provoke EXPRESSION_DEPTH 1 "$NNC" check long.nn
printf '\357\273\277a = 1\r\nfn f(x) = x + a\r\n' >marks.nn
"$NNC" check marks.nn || { echo "a byte-order mark or CRLF is refused"; bad=1; }
: >nothing.nn
"$NNC" check nothing.nn || { echo "an empty file is refused"; bad=1; }

# ---- sizes ----
model 'x |> repeat 1_000_000_000 { repeat 1_000_000_000 { dense(9) } }' >bomb.nn
provoke REPEAT_COUNT 1 "$NNC" check bomb.nn
model 'x |> repeat 10_000 { scale |> scale }' >rounds.nn
provoke LAYER_LIMIT 1 "$NNC" check rounds.nn
model 'x |> dense(2147483648) |> dense(9)' >size.nn
provoke SIZE_OUT_OF_RANGE 1 "$NNC" check size.nn
echo 'model net(x[batch, 2147483648]) -> y[batch] = sum[i] x[:, i]' >input.nn
provoke SIZE_OUT_OF_RANGE 1 "$NNC" check input.nn
model 'x |> dense(2147483647) |> dense(2147483647) |> dense(9)' >large.nn
provoke TENSOR_TOO_LARGE 1 "$NNC" check large.nn
echo 'model net(x[batch, 1, 1, 1, 1, 1, 1, 1, 1]) -> y[batch] = x[:, 0, 0, 0, 0, 0, 0, 0, 0]' >rank.nn
provoke RANK_LIMIT 1 "$NNC" check rank.nn

# ---- options ----
provoke SET_VALUE 1 "$NNC" check --set $'steps=3\nb = 4' xor.nn
provoke SET_UNKNOWN 1 "$NNC" check --set nothing=3 xor.nn
provoke UNKNOWN_CPU 2 "$NNC" build --cpu i386 xor.nn
provoke SEVERAL_LEVELS 2 "$NNC" explain --cpu x86-64-v2+v3 xor.nn
provoke UNKNOWN_TARGET 2 "$NNC" build --target sparc-linux xor.nn
provoke PREFIX_NOT_ALLOWED 2 "$NNC" build --emit obj --prefix 3x xor.nn
provoke PASS_UNKNOWN 2 "$NNC" build --stop-after fold xor.nn
provoke CODE_UNKNOWN 2 "$NNC" explain NO_SUCH
provoke GRAD_OF 1 "$NNC" grad --of nothing xor.nn
provoke GRAD_BY 1 "$NNC" grad --of loss --by nothing xor.nn
provoke GRAD_SEVERAL 1 "$NNC" grad --of loss --by w xor.nn
mkdir -p -m 755 public/nnc && chmod 755 public/nnc
provoke CACHE_NOT_PRIVATE 0 env XDG_CACHE_HOME="$PWD/public" "$NNC" run xor.nn -- --epochs 1
provoke NO_TOOL 3 env PATH=/nowhere "$NNC" build xor.nn
printf '#!/bin/sh\necho no room >&2\nexit 1\n' >cc && chmod +x cc
provoke TOOL_FAILED 3 env PATH="$PWD:$PATH" "$NNC" build xor.nn
cat >caller.nn <<'END'
data d = caller {
    x[2] = given
}
model m(x[batch, 2]) -> y[batch, 1] = x |> dense(1)
train m on d {
    loss      = mse(y, 0)
    optimizer = sgd(0.1)
    steps     = 3
}
END
provoke CALLER_TRAINER 1 "$NNC" build caller.nn
provoke NO_TRAIN 1 "$NNC" build marks.nn
provoke FIT_NEEDS_MEMORY 1 "$NNC" check --fit xor.nn
provoke LIBRARY_TRAIN 1 "$NNC" check --library xor.nn marks.nn
mkdir -p other && cp marks.nn other/
provoke LIBRARY_TWICE 1 "$NNC" check --library marks.nn --library other/marks.nn xor.nn

# ---- the cap, JSON ----
for k in $(seq 30); do echo "a$k = 3 3"; done >many.nn
"$NNC" check many.nn 2>said
[ "$(grep -c ': error: ' said)" -eq 20 ] && [ "$(tail -n 1 said)" = "and 10 more" ] || { echo "not twenty messages and a count"; bad=1; }
printf 'a = f(x = 1, x = "\\t\303\244")\n' >json.nn
"$NNC" check --json json.nn >said
cat >wanted <<'JSON'
{"file":"json.nn","line":1,"column":14,"end_line":1,"end_column":15,"severity":"error","code":"ARGUMENT_TWICE","message":"`x` is given twice","notes":[{"file":"json.nn","line":1,"column":7,"end_line":1,"end_column":8,"message":"it is given here"}]}
JSON
diff wanted said || bad=1

# ---- no row without a golden ----
(cd "$ROOT/tests/errors" && for file in *.nn; do "$NNC" check --json "$file"; done) | grep -o '"severity":"[a-z]*","code":"[A-Z_0-9]*"' |
    sed 's/.*"code":"//; s/"//' | sort -u >goldens
# CPU_TOO_OLD, CANNOT_RUN_HERE, WRONG_LLVM and NO_LIBRARY need another machine, NO_RUNTIME another installation, IR_TEXT no program (tests/unit/ir_test.c);
# TOO_MANY_INDICES is met after all checks of names and shapes.
for code in $(sed -n 's/^DIAGNOSTIC(\([A-Z_0-9]*\),.*/\1/p' "$ROOT/compiler/diagnostics.def"); do
    case " CPU_TOO_OLD CANNOT_RUN_HERE WRONG_LLVM NO_LIBRARY NO_RUNTIME IR_TEXT TOO_MANY_INDICES $seen" in *" $code "*) continue ;; esac
    grep -qx "$code" goldens || { echo "$code has no golden in tests/errors"; bad=1; }
done
exit $bad

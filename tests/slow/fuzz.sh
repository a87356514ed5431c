# Coverage-guided fuzzing of the front end (parse, check), of each loader and of what reads logs, with the address and undefined behaviour
# sanitizers: SECONDS_EACH (300) for each target, JOBS (2) at a time; TARGETS names some alone. No crash, leak, endless
# loop or 2 GB. Needs clang-19 and libclang-rt-19-dev; inputs found are kept in the folder fuzz/NAME.
set -u
mkdir -p fuzz && cd fuzz || exit 1
work=${FUZZ_BUILD:-$PWD/build}
command -v clang-19 >/dev/null || { echo "clang-19 is not installed"; exit 1; }
cmake -S "$ROOT" -B "$work" -G Ninja -DCMAKE_C_COMPILER=clang-19 -DNN_FUZZ=ON -DNN_SANITIZE=ON -DCMAKE_BUILD_TYPE=Release >cmake.log &&
    cmake --build "$work" --target fuzzers >>cmake.log 2>&1 || { tail -n 30 cmake.log; exit 1; }

# What libvorbis takes for the head of a broken file it does not give back: 6 KB, which is not ours to mend.
echo 'leak:libvorbis' >known_leaks
export LSAN_OPTIONS=suppressions=$PWD/known_leaks

# What mutations begin with: programs, and small files of each format.
mkdir -p check parse csv idx npy picture safetensors sound text log jsonl libsvm npz sqlite cifar
for file in "$ROOT"/examples/*/*.nn "$ROOT"/tests/errors/*.nn; do cp "$file" check/; done
rm check/layer_limit.nn # a hundred thousand layers: seconds with the sanitizers
cp check/* parse/ && cp "$ROOT"/tests/models/*.nn "$ROOT"/stdlib/*.nn "$ROOT"/stdlib/*/*.nn "$ROOT"/tests/syntax/*.nn parse/
grep -ohE '[a-z_]+[a-z0-9_]*|[|<>=!+*/-]+[>=]?' "$ROOT"/stdlib/core.nn "$ROOT"/examples/*/*.nn | sort -u | sed 's/.*/"&"/' >words.dict
printf '\2a,b,y,kind\n1,2,3,cat\n-4e2,.5,"6",dog\n' >csv/named
printf '"id,y,b,a,kind\n9,3,2,1,cat\n9,6,.5,-4e2,dog\n' >csv/trained
printf '\2a,b,y,kind\n1,2,3,2024-02-29T01:02:03.5+01:00\n1,2,3,1899-12-31\n' >csv/dates
printf '\2a,b,y,kind\n1,2,3,2020\n1,2,3,-7\n1,2,3,2020\n' >csv/whole
printf '\0100,2.5\n3,4\n\n5,6\r\n' >csv/plain
(printf '\2'; head -n 5 "$ROOT"/examples/iris/iris.csv) >csv/iris
(printf '\1'; head -c 200 "$ROOT"/examples/text/harbour.txt) >text/char
(printf '\2'; head -c 200 "$ROOT"/examples/text/harbour.txt) >text/word
printf '\12na\303\257ve \342\202\254\360\237\230\200 it\342\200\231s' >text/wide
printf '\1["a","\\u00e9","\\u0000"]' >text/list
printf '\0\0\10\2\0\0\0\2\0\0\0\3abcdef' >idx/bytes
printf '\0\0\15\1\0\0\0\1\77\200\0\0' >idx/float
for file in idx/bytes idx/float; do gzip -nc "$file" >"$file.gz"; done
printf '{"event": "start", "step": 0, "seed": 1, "settings": {"lr.peak": 0.1}}\n{"event": "epoch", "step": 9, "epoch": 1, "loss": 0.5, "lr": 0.1, "test.loss": null, "best": true}\n' >log/epoch
printf '{"event": "weights", "step": 1, "epoch": 0, "tensor": "net.w", "count": 3, "low": -1, "high": 1, "sum": 0, "square": 2, "counts": [1, 2]}\n' >log/weights
npy() { # TYPE SHAPE DATA
    printf '\223NUMPY\1\0\166\0%-117s\n%b' "{'descr': '$1', 'fortran_order': False, 'shape': ($2), }" "$3"
}
npy '<f4' '2,' '\0\0\0077\0\0\0100\0100' >npy/f4
npy '|u1' '2, 3' 'abcdef' >npy/u1
printf '\1{"a": 1, "b": {"c": "x"}, "v": [1, [2], null]}\n\n{"v":[-1e3,2.5,true],"b.c":"7","a":null,"o":[{"p":"\\u00e9\\n"}]}\n' >jsonl/rows
printf '\0{"a":0,"b":{"c":"2"},"v":["1",2,3]}' >jsonl/all
printf '\1+1 1:.5 3:1e-2 # so\n\n-1 qid:3 5:7\r\n' >libsvm/rows
cp "$ROOT"/tests/arrays/small.npz npz/
for text in 1 "'word'" "x'00'"; do
    cc -x c - -lsqlite3 -o sql <<<'int sqlite3_open(const char *, void **), sqlite3_exec(void *, const char *, void *, void *, void *);
        int main(int n, char **a) { void *d; return n != 3 || sqlite3_open(a[1], &d) || sqlite3_exec(d, a[2], 0, 0, 0); }'
    ./sql "sqlite/$text" "pragma page_size = 512; create table r (a, b, c); insert into r values (1, 2.5, $text); insert into r values (null, '3', 'y')"
done
(printf '\1'; head -c 3074 /dev/zero) >cifar/fine
(printf '\2'; head -c 6146 /dev/zero | tr '\0' 'x') >cifar/grey

for kind in 0 1 2; do
    for file in "$ROOT"/tests/pictures/*/*; do (printf "\\$kind"; cat "$file") >"picture/$kind.$(basename "$file")"; done
done
for kind in 0 1; do
    for file in "$ROOT"/tests/sounds/*/*.*; do (printf "\\$kind"; cat "$file") >"sound/$kind.$(basename "$file")"; done
done

failed=0
fuzz() { # TARGET OPTION...
    local target=$1
    shift
    [[ " ${TARGETS:-$target} " == *" $target "* ]] || return 0
    if ! "$work/fuzz/fuzz_$target" -max_total_time="${SECONDS_EACH:-300}" -timeout=60 -rss_limit_mb=2048 \
        -artifact_prefix="found-$target-" -print_final_stats=1 "$@" "$target" >"$target.log" 2>&1; then
        echo "$target:"
        grep -vE '^#|^INFO|NEW_FUNC' "$target.log" | head -n 30
        return 1
    fi
    grep -E 'number_of_executed_units' "$target.log" | sed "s/^/$target: /"
}
while read -r line; do
    while [ "$(jobs -rp | wc -l)" -ge "${JOBS:-2}" ]; do wait -n || failed=1; done
    # shellcheck disable=SC2086
    fuzz $line &
done <<'TABLE'
check -max_len=4096 -dict=words.dict
parse -max_len=4096 -dict=words.dict
csv -max_len=512
idx -max_len=512
npy -max_len=512
picture -max_len=2048
sound -max_len=2048
text -max_len=512
safetensors -max_len=8192
log -max_len=4096
jsonl -max_len=512
libsvm -max_len=512
npz -max_len=2048
sqlite -max_len=4096
cifar -max_len=6149
TABLE
while [ -n "$(jobs -rp)" ]; do wait -n || failed=1; done
exit $failed

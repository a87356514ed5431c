# Each request for memory of a command is refused once, and from each one on (tests/host/no_memory.c): of trainers, those of the libraries
# that read pictures, packed arrays and databases too, and of nnc. No signal, a message and the exit code for memory, or a right result; files are the
# old ones or the new ones, whole. EVERY=n takes each n-th; of nnc build, whose requests are mostly LLVM's, each 997th.
set -u
. "$ROOT/tests/support/command.sh"
gcc -O1 -shared -fPIC "$ROOT/tests/host/no_memory.c" -o no_memory.so || exit 1
shim=$PWD/no_memory.so
tries=0
short() { # NAME EACH CHECK COMMAND...: CHECK is run after each try that gave 0
    local name=$1 each=$2 check=$3 count k more status
    shift 3
    COUNT=$PWD/count LD_PRELOAD=$shim "$@" >good.out 2>good.err || { fail "$name fails undisturbed: $(cat good.err)"; return; }
    count=$(cat count)
    for k in $(seq "$each" "$each" "$count"); do
        for more in "" 1; do
            env ${more:+MORE=1} NO_MEMORY="$k" LD_PRELOAD="$shim" "$@" >out 2>err
            status=$?
            tries=$((tries + 1))
            case $status in
            0) $check || fail "$name #$k${more:+ and later}: exit 0, another result" ;;
            # Some libraries say of memory only that a file cannot be read.
            3 | 4 | 6) [ -s err ] || fail "$name #$k${more:+ and later}: exit $status without a message" ;;
            *) fail "$name #$k${more:+ and later}: exit $status: $(tail -n 2 err)" ;;
            esac
        done
    done
    echo "$name: $count requests"
}
same_answer() { cmp -s out good.out; }
same_weights() { cmp -s run/weights.safetensors whole/weights.safetensors; }
cp "$ROOT"/examples/iris/iris.{nn,csv} "$ROOT/examples/shapes/shapes.nn" . && cc -O2 "$ROOT/examples/shapes/draw.c" -lm -o draw && ./draw || exit 1
mkdir few && for kind in pictures/*; do mkdir "few/$(basename "$kind")" && cp $(ls "$kind"/* | head -n 6) "few/$(basename "$kind")"; done || exit 1
"$NNC" build iris.nn && "$NNC" build shapes.nn || exit 1
./iris --quiet --threads 1 --epochs 2 --out whole && ./shapes --quiet --threads 1 --data few --epochs 1 --out shaped || exit 1
every=${EVERY:-1}
short eval "$every" same_answer ./iris eval --out whole
short predict "$every" same_answer ./iris predict --out whole --data iris.csv
short history "$every" same_answer ./iris history whole
short report "$every" true ./iris report whole
short train "$every" same_weights ./iris --quiet --threads 1 --epochs 2 --out run --report --tensorboard --log log.csv
short pictures "$every" same_answer ./shapes eval --data few --out shaped
short check "$every" same_answer "$NNC" check iris.nn
short fmt "$every" same_answer "$NNC" fmt iris.nn
short build $((997 * every)) true "$NNC" build iris.nn -o built
echo "$tries requests refused"
exit $bad

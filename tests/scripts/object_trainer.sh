# An object and the trainer of the same file: the same batches give the same weights, each reads what the other wrote. An archive
# and a shared library that is loaded at run time do as the object does.
set -eu
. "$ROOT/tests/host/check.sh"
cp "$ROOT"/examples/digits/digits.* "$ROOT"/examples/iris/iris.nn .
"$NNC" build digits.nn && "$NNC" build digits.nn --emit lib && "$NNC" build iris.nn --emit obj
./digits --epochs 2 --seed 7 --quiet
for epoch in 0 1; do ./digits data --seed 7 --part train --epoch $epoch >epoch$epoch.csv; done
rows=$(($(wc -l <epoch0.csv) - 1))
per_epoch=$(((rows + 31) / 32))
gcc $warnings -I. "$ROOT/tests/host/trainer.c" iris.o digits.a -lm -o trainer || fail "an archive links alone"
./trainer 7 $((2 * per_epoch)) $per_epoch digits.run/weights.safetensors mine.safetensors epoch0.csv epoch1.csv || fail "object and trainer differ"
./digits eval >theirs.txt
./digits eval --weights mine.safetensors | cmp - theirs.txt || fail "the trainer reads an object's weights otherwise"
# An object is position-independent: with the runtime it is a shared library. Two copies of one may be loaded.
"$NNC" build digits.nn --emit obj
[ -n "${SANITIZED:-}" ] || defs=-Wl,-z,defs
gcc ${defs:-} -shared -Wl,-z,text digits.o "$BUILD/libnn.a" -lm -o digits.so || fail "no shared library"
gcc $warnings -I. "$ROOT/tests/host/trainer.c" iris.o "$PWD/digits.so" "$BUILD/libnn.a" -lm -o shared && ./shared 7 $((2 * per_epoch)) $per_epoch \
    digits.run/weights.safetensors mine.safetensors epoch0.csv epoch1.csv || fail "a shared library differs"
nm -D -u digits.so | grep -E ' (pthread_.*|signal|sigaction|exit|abort|printf|puts|fopen|fwrite|ioctl|getenv)(@|$)' && fail "an object's program links what it must not call"
# The value that ends an epoch reaches the schedule that watches it.
"$NNC" build "$ROOT/tests/host/plateau.nn" --emit obj
gcc $warnings -I. "$ROOT/tests/host/plateau.c" plateau.o "$BUILD/libnn.a" -lm -o plateau && ./plateau || fail "plateaus"
# An object predicts with the averages of its weights, and so does a trainer with the file it wrote.
"$NNC" build "$ROOT/tests/host/average.nn" && "$NNC" build "$ROOT/tests/host/average.nn" --emit obj
gcc $warnings -I. "$ROOT/tests/host/average.c" average.o "$BUILD/libnn.a" -lm -o host && ./host >host.txt || fail "averages"
printf 'x_0,x_1\n0.25,0.75\n' | ./average predict --weights average.safetensors | tail -n 1 >trainer.txt
awk 'NR == FNR { own = $1; next } { d = $1 - own; exit !(d < 1e-6 && d > -1e-6) }' host.txt trainer.txt || fail "a trainer predicts with other weights: $(cat host.txt trainer.txt)"
# Assembly is the object's: assembled, the same names.
"$NNC" build digits.nn --emit asm && gcc -c digits.s -o assembled.o || fail "--emit asm cannot be assembled"
diff <(nm -g digits.o | awk '{print $NF}') <(nm -g assembled.o | awk '{print $NF}') || fail "--emit asm: other names"
# Where the caller gives the rows there is an object, and no trainer; what is wrong with them stays outside.
cp "$ROOT/tests/host/caller.nn" .
status=0
"$NNC" build caller.nn 2>said || status=$?
[ $status -eq 1 ] && grep -q "caller.nn:1:16: error: a trainer has no rows" said && grep -q "nnc build --emit obj" said && [ ! -e caller ] || fail "a trainer without rows: $status $(cat said)"
"$NNC" gradcheck caller.nn >said && "$NNC" summary caller.nn >said && "$NNC" grad caller.nn >said || fail "a program without rows: $(cat said)"
grep -q "x: float\[count\]\[4\]$" <("$NNC" build caller.nn --emit header -o caller.h && cat caller.h) && grep -q "n: int32_t\[count\], 0 .. 4$" caller.h || fail "the header says what the caller gives"
# Names from odd files, and those that are refused.
for pair in 1:nn_1 int:nn_int a-b:a_b nn_object:nn_nn_object main:nn_main é:model __x_:x; do
    cp iris.nn "${pair%%:*}.nn"
    "$NNC" build "${pair%%:*}.nn" --emit obj -o odd.o
    [ "$(prefix_of odd.h)" = "${pair##*:}" ] || fail "${pair%%:*}.nn gives $(prefix_of odd.h)"
done
for prefix in a-b 1 "" int nn nn_x main; do
    status=0
    "$NNC" build iris.nn --emit obj --prefix "$prefix" -o refused.o 2>said || status=$?
    [ $status -eq 2 ] && grep -q "prefix" said && [ ! -e refused.o ] || fail "--prefix '$prefix': $status"
done
"$NNC" build iris.nn --emit obj --prefix flowers -o odd.o && [ "$(prefix_of odd.h)" = flowers ] || fail "--prefix"
# What cannot be made is said before compiling; nothing is left behind.
for options in "--target aarch64-linux-gnu" "--cpu pentium"; do
    status=0
    "$NNC" build iris.nn --emit obj $options -o refused.o 2>said || status=$?
    [ $status -eq 2 ] && [ ! -e refused.o ] || fail "$options: $status"
done
for kind in trainer lib; do
    status=0
    PATH=/nonexistent "$NNC" build iris.nn $([ $kind = trainer ] || echo --emit $kind) -o refused 2>said || status=$?
    [ $status -eq 3 ] && grep -q "PATH" said && [ ! -e refused ] || fail "no tool for $kind: $status $(cat said)"
done
status=0
"$NNC" build iris.nn --emit obj -o refused.h 2>said || status=$?
[ $status -eq 3 ] && [ ! -e refused.h ] || fail "an object over its header: $status"

# A checked interface: every array comes with its count. With it an address sanitizer finds nothing that a wrong caller did.
set -eu
. "$ROOT/tests/host/check.sh"
cp "$ROOT/tests/host/caller.nn" "$ROOT/tests/host/taken.nn" .
"$NNC" build caller.nn --emit obj --checked && "$NNC" build taken.nn --emit obj --checked
list_libc
check_symbols caller caller.o
check_headers caller.h taken.h
gcc -g $warnings -fsanitize=address,undefined -I. "$ROOT/tests/host/checked.c" caller.o "$BUILD/libnn.a" -lm -o checked || fail "a checked interface does not link"
./checked >said 2>&1 || fail "a checked interface: $(cat said)"
# Without --checked it is the interface that it was.
"$NNC" build caller.nn --emit obj -o plain.o
grep -q "nn_status caller_train_step(caller \*m, const float \*x, const int32_t \*up" plain.h || fail "an interface without counts"
diff <(sed -n '/^nn_status caller_train_step/p' caller.h) <(sed -n '/^nn_status caller_train_step/p' plain.h) >/dev/null && fail "--checked declares nothing else"
exit 0

#!/bin/bash
# Builds that fail or are ended: results are the old or the new ones, whole, a header and its object both or neither, and nothing
# else is left.
set -u
. "$ROOT/tests/support/command.sh"
cp "$ROOT"/examples/xor/xor.nn .
real=$(command -v cc)
archiver=$(command -v ar)
mkdir bin
# What stands there now; waits for what is still being removed.
same() { # WHAT FILES...
    local what=$1 k
    shift
    for k in $(seq 50); do [ -z "$(find . -name '.nnc*')" ] && break; sleep 0.1; done
    [ -z "$(find . -name '.nnc*' -o -name '*.??????')" ] || fail "$what: left behind: $(find .)"
    for file; do cmp -s "old.$file" "$file" || fail "$what: $file is not what it was"; done
}
"$NNC" build xor.nn && cp xor old.xor
"$NNC" build xor.nn --emit lib --prefix one -o xor.a && cp xor.a old.xor.a && cp xor.h old.xor.h
"$NNC" build xor.nn --emit obj --prefix one -o xor.o && cp xor.o old.xor.o

# Ended while a tool runs, which goes on for a moment. A signal that this script was started without is one again.
nnc() { PATH=$PWD/bin:$PATH env --default-signal=INT,TERM,HUP "$NNC" "$@"; }
for signal in INT TERM HUP KILL; do
    printf '#!/bin/sh\nkill -%s $PPID\nsleep 0.2\necho torn >result\nsleep 20\n' $signal | tee bin/cc >bin/ar
    chmod +x bin/cc bin/ar
    start=$(date +%s)
    nnc build -O1 xor.nn 2>said && fail "$signal: exit 0"
    nnc build xor.nn --emit lib --prefix two 2>said && fail "$signal: exit 0 of an archive"
    same "$signal" xor xor.a xor.h
    [ $(($(date +%s) - start)) -lt 15 ] || fail "$signal: the tool was waited for"
done
# Ended at some moment, a header with its object.
for k in $(seq 12); do
    timeout -s KILL 0.$(printf %02d $((k * 2))) "$NNC" build xor.nn --emit obj --prefix two 2>/dev/null
    same "killed after $k"
    [ $(grep -c two_create xor.h) -gt 0 ] && new=0 || new=1
    grep -q two_create xor.o
    [ $? -eq $new ] || fail "killed after $k: a header and an object of two builds"
    cp old.xor.h xor.h && cp old.xor.o xor.o
done
# The object's place, or the header's, turns out not to be one.
mkdir d && cd d && cp ../old.xor.o old.d.o && cp old.d.o d.o && mkdir d.h
"$NNC" build ../xor.nn --emit obj -o d.o 2>said && fail "a folder in the header's place: exit 0"
grep -q 'cannot write `d.h`' said || fail "a folder in the header's place: $(cat said)"
same "a folder in the header's place" d.o
cd ..
printf '#!/bin/sh\n%s "$@" && rm ../xor.a && mkdir ../xor.a\n' "$archiver" >bin/ar
for header in with without; do
    cp old.xor.a xor.a
    [ $header = with ] || rm xor.h
    PATH=$PWD/bin:$PATH "$NNC" build xor.nn --emit lib --prefix two 2>said && fail "no place for an archive: exit 0"
    grep -q 'cannot write `xor.a`' said || fail "no place for an archive: $(cat said)"
    rmdir xor.a
    same "no place for an archive" $([ $header = without ] || echo xor.h)
    [ $header = with ] || [ ! -e xor.h ] || fail "a header without its archive"
done
# Started by a process that does not wait for its children.
timeout 20 env --ignore-signal=CHLD "$NNC" build xor.nn -o heir 2>said && [ -x heir ] || fail "children that nobody waits for: exit $?: $(cat said)"
# No room.
cp old.xor.h xor.h
for kind in obj lib asm llvm ir grad header; do
    cp old.xor old.out && cp old.xor out && cp old.xor.h old.out.h && cp old.xor.h out.h
    (ulimit -f 0; "$NNC" build xor.nn --emit $kind -o out 2>/dev/null)
    [ $? -eq 3 ] || fail "$kind without room: another exit code than 3"
    same "$kind without room" out out.h
done
(ulimit -f 16; "$NNC" build xor.nn 2>/dev/null)
[ $? -eq 3 ] || fail "a trainer without room: another exit code than 3"
same "a trainer without room" xor
exit $bad

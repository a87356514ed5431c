#!/bin/bash
# The cache of `nnc run` is used if it is this user's alone, and nobody else can put another in its place; nothing else is ever run.
set -u
. "$ROOT/tests/support/command.sh"
sed 's/^train/# of this test\ntrain/' "$ROOT/examples/xor/xor.nn" >xor.nn
umask 022
run() { # WHAT PATTERN: a run that trains, says the pattern (nothing where it is empty), and runs nobody else's program
    XDG_CACHE_HOME=$PWD/cache "$NNC" run xor.nn -- --epochs 1 --quiet --out "run.$1" >said 2>&1 || fail "$1: exit $?: $(cat said)"
    ! grep -q hostile said || fail "$1: another's program was run"
    if [ -n "$2" ]; then grep -q "$2" said || fail "$1: it says $(cat said)"; else [ ! -s said ] || fail "$1: it says $(cat said)"; fi
    [ -f "run.$1/weights.safetensors" ] || fail "$1: nothing was trained"
}
plant() { rm -f "$1"; printf '#!/bin/sh\necho hostile\n' >"$1"; chmod 755 "$1"; }
run new ''
[ "$(stat -c %a cache/nnc)" = 700 ] || fail "the cache has mode $(stat -c %a cache/nnc)"
trainer=$(echo cache/nnc/*/xor)
before=$(stat -c %i "$trainer")
run again ''
[ "$(stat -c %i "$trainer")" = "$before" ] || fail "it was built again"
for mode in 755 770 777 750 701; do
    plant "$trainer"
    chmod $mode cache/nnc
    run "mode.$mode" 'warning: the cache .*/cache/nnc. is not used: .*mode 0700'
    chmod 700 cache/nnc
done
mv cache/nnc elsewhere && chmod 777 elsewhere && ln -s ../elsewhere cache/nnc
run link 'is not used'
rm cache/nnc && mv elsewhere cache/nnc && chmod 700 cache/nnc
chmod 777 cache
run above 'is not used'
chmod 1777 cache
rm "$trainer"
run sticky ''
chmod 755 cache
rm "$trainer"
run back ''
# A trainer that others may have written, or that is none, is built again.
plant "$trainer"
chmod 757 "$trainer"
run writable ''
plant evil
ln -sf "$PWD/evil" "$trainer"
run linked ''
if [ "$(id -u)" = 0 ]; then
    plant "$trainer"
    chown 65534 "$trainer"
    run owner ''
    plant "$trainer"
    chown 65534 cache/nnc
    run owned 'is not used'
    chown 0 cache/nnc
fi
# Without a home there is no cache: what lies where one could be is not run, and nothing is left.
digest=$(basename "$(dirname "$trainer")")
mkdir -p "/tmp/.cache/nnc/$digest" && plant "/tmp/.cache/nnc/$digest/xor"
for home in 'HOME=' 'HOME=relative' 'XDG_CACHE_HOME=relative'; do
    env -u HOME -u XDG_CACHE_HOME TMPDIR=$PWD $home "$NNC" run xor.nn -- --epochs 1 --quiet --out homeless >said 2>&1 || fail "$home: exit $?"
    [ ! -s said ] || fail "$home: it says $(cat said)"
    [ -z "$(find . -name '.nnc*' -o -name relative)" ] || fail "$home: left behind: $(ls -A)"
done
rm -r "/tmp/.cache/nnc/$digest" && rmdir --ignore-fail-on-non-empty -p /tmp/.cache/nnc
exit $bad

# 20 000 mangled files of each format, read by a whole trainer (tests/fuzz/mangle.c): each is taken or refused with a message. Worth most
# with sanitizers: ROOT=. BUILD=build-asan bash tests/slow/mangle.sh. COUNT (20000) files, SEED (1), JOBS (2) formats at a time.
set -u
failed=0
for format in csv csv.gz idx idx.gz npy npy.gz weights checkpoint; do
    while [ "$(jobs -rp | wc -l)" -ge "${JOBS:-2}" ]; do wait -n || failed=1; done
    mkdir -p "$format" && (cd "$format" && "$BUILD/tests/mangle" --count "${COUNT:-20000}" --seed "${SEED:-1}" "$format" 2>&1) &
done
while [ -n "$(jobs -rp)" ]; do wait -n || failed=1; done
exit $failed

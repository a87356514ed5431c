# 20 000 chains of two and three layers of the library build, and their steps agree with the interpreter (tests/unit/chains_test.c):
# seeds FROM (1000) to TO (21000), 500 at a time, JOBS (2) side by side. What is whole is in done.txt, and is not done again.
set -u
export TMPDIR=${WORK:-/tmp}
. "$ROOT/tests/support/seeds.sh"
seeds "$BUILD/tests/chains_test" "${FROM:-1000}" "${TO:-21000}"

# 10 000 random programs as texts against the reference interpreter, and what `nnc grad` prints of them (tests/unit/texts_test.c); others
# than the 300 of every run: seeds FROM (1000) to TO (11000), 500 at a time, JOBS (2) side by side. What is whole is in done.txt, and is
# not done again.
set -u
. "$ROOT/tests/support/seeds.sh"
seeds "$BUILD/tests/texts_test" "${FROM:-1000}" "${TO:-11000}"

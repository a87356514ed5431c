# 20 000 random programs, plain and with code that checks its subscripts, against the reference interpreter; others than the 300 of
# every run: seeds FROM (100000) to TO (120000), 500 at a time, JOBS (2) side by side. What is whole is in done.txt, and is not done again.
set -u
. "$ROOT/tests/support/seeds.sh"
seeds "$BUILD/tests/compiled_programs_test" "${FROM:-100000}" "${TO:-120000}"

# 20 000 chains of two and three layers of the library build, and their steps agree with the interpreter (tests/unit/chains_test.c).
set -u
export TMPDIR=${WORK:-/tmp}
"$BUILD/tests/chains_test" "${FROM:-1000}" "${TO:-21000}" >out 2>&1 || { tail -60 out; exit 1; }

#!/bin/bash
# 5 000 random programs, plain and with code that checks its subscripts, against the reference interpreter; others than the 300 of
# every run. One may ask for another range: FROM=100000 TO=120000 bash tests/slow/programs.sh
set -u
from=${FROM:-40000} to=${TO:-45000}
"$BUILD/tests/compiled_programs_test" "$from" "$to" | tee programs.txt | tail -n 1
grep -qx '[0-9]* passed, 0 failed' programs.txt || { cat programs.txt; exit 1; }

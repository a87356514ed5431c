#!/bin/bash
# tests/scripts/late.sh over 5 000 steps of every optimizer, clipped by values, by the norm or not, for any number of threads.
SLOW=5000 exec bash "$ROOT/tests/scripts/late.sh"

#!/bin/bash
# Some of the requests for memory of each command are refused: tests/slow/memory.sh refuses all of them. A sanitizer takes memory itself.
[ -n "${SANITIZED:-}" ] || EVERY=41 exec bash "$ROOT/tests/slow/memory.sh"

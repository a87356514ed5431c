# What examples/README.md promises of those that take longer than seconds. Needs Debian's packages bible-kjv, bible-kjv-text,
# dataset-fashion-mnist and espeak-ng.
. "$ROOT/tests/support/examples.sh"
examples slow
exit $bad

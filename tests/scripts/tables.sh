#!/bin/bash
# The pages of the documentation that are tables say what the tables say.
set -eu
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
"$ROOT/docs/generate" "$made"
for page in "$made"/*.md; do
    diff "$ROOT/docs/$(basename "$page")" "$page" || { echo "docs/generate writes it anew"; exit 1; }
done

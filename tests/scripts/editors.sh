#!/bin/bash
# The editors' files are what the compiler's tables say.
set -eu
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
"$ROOT/editors/generate" "$made"
for folder in vim vscode; do
    diff -r "$ROOT/editors/$folder" "$made/$folder"
done

# The layout that .clang-format says, of all C, and what .clang-tidy looks for, in compiler and runtime.
set -u
said=$PWD/said
cd "$ROOT" || exit 1
for tool in clang-format-19 clang-tidy-19; do
    command -v $tool >/dev/null || { echo "no $tool: scripts/test installs it"; exit 1; }
done
git ls-files compiler runtime tests | grep -E '\.[ch]$' | xargs clang-format-19 --dry-run -Werror || exit 1
git ls-files compiler runtime | grep '\.c$' | xargs -P 2 -n 12 clang-tidy-19 -p "$BUILD" --quiet 2>"$said" && exit 0
grep -v 'warnings generated\|Processing file' "$said"
exit 1

# What .clang-tidy looks for in compiler and runtime.
set -u
said=$PWD/said
cd "$ROOT" || exit 1
command -v clang-tidy-19 >/dev/null || { echo "no clang-tidy-19: scripts/test installs it"; exit 1; }
git ls-files compiler runtime | grep '\.c$' | xargs -P 2 -n 12 clang-tidy-19 -p "$BUILD" --quiet 2>"$said" && exit 0
grep -v 'warnings generated\|Processing file' "$said"
exit 1

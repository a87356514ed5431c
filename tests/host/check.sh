# What object.sh and its slow companion share. Needs NNC, BUILD, ROOT, and an empty working folder.
fail() { echo "$*"; exit 1; }
warnings="-Wall -Wextra -Wpedantic -Wconversion -Werror"

# MODEL.nn -> model.o, model.h.
emit() { "$NNC" build "$1" --emit obj 2>said || { cat said; fail "$1 gives no object"; }; }

# No writable data, only names that begin with PREFIX, nothing undefined beyond libc, libm and the runtime.
check_symbols() { # PREFIX FILE.o
    local allowed='^(nn_object_[a-z_]+|mem(cpy|set|move|cmp)|_GLOBAL_OFFSET_TABLE_|powf?|fmodf?)$' name
    size "$2" | awk 'NR == 2 && ($2 != 0 || $3 != 0) {print "data " $2 " bss " $3; exit 1}' || fail "$2 has writable data"
    nm "$2" | grep -E ' [BbDdCSsGg] ' && fail "$2: writable symbols"
    readelf -S -W "$2" | awk '/ (WA|WAT|AW) / {print; bad = 1} END {exit bad}' || fail "$2: writable sections"
    nm "$2" | awk -v p="$1" 'NF == 3 && $3 !~ "^" p "[_.]" && $3 !~ /^\.L/ {print $3; bad = 1} END {exit bad}' || fail "$2: names without the prefix"
    nm --defined-only -g "$2" | awk -v p="$1" '$3 !~ "^" p "_" {print $3; bad = 1} END {exit bad}' || fail "$2: exports without the prefix"
    for name in $(nm -u "$2" | awk '{print $2}'); do
        [[ $name =~ ^nn_object_[a-z_]+$ || $name == _GLOBAL_OFFSET_TABLE_ ]] && continue
        grep -qx "$name" libc.names || fail "$2 needs $name"
    done
}

# The names of libc and libm.
list_libc() {
    local library
    for library in libc.so.6 libm.so.6; do nm -D --defined-only "$(gcc -print-file-name=$library)"; done | awk '{sub(/@.*/, "", $3); print $3}' >libc.names
}

# Headers of a folder, each twice and all together, in every standard of C and C++.
check_headers() { # FILE.h...
    local header standard
    for header in "$@" "$@"; do echo "#include \"$header\""; done >use.c
    for standard in c99 c11 c17 c2x; do gcc -std=$standard $warnings -Wstrict-prototypes -fsyntax-only use.c || fail "headers in $standard"; done
    for standard in c++98 c++11 c++14 c++17 c++20; do
        ! command -v g++ >/dev/null || g++ -x c++ -std=$standard $warnings -fsyntax-only use.c || fail "headers in $standard"
    done
    for standard in c99 c17 c2x; do
        ! command -v clang >/dev/null || clang -std=$standard $warnings -Wstrict-prototypes -fsyntax-only use.c || fail "headers in $standard by clang"
    done
}

# host.c with this model: everything that the header promises.
check_host() { # PREFIX FILE.o FILE.h
    local folder=host.$1
    mkdir "$folder"
    awk -v p="$1" -v header="$3" -f "$ROOT/tests/host/interface.awk" "$3" >"$folder/interface.h" || fail "$3 cannot be read"
    gcc -O1 $warnings -Wno-pedantic -I. -I"$folder" "$ROOT/tests/host/host.c" "$2" "$BUILD/libnn.a" -lm -o "$folder/host" || fail "$2 does not link"
    "$folder/host" "$folder/saved" || fail "$2 does not do what $3 says"
}

prefix_of() { sed -n 's/^nn_status \(.*\)_train_step(.*/\1/p' "$1"; }

check_models() { # MODEL.nn...
    local model name
    list_libc
    for model in "$@"; do
        name=$(basename "$model" .nn)
        emit "$model"
        check_symbols "$(prefix_of "$name.h")" "$name.o"
        check_host "$(prefix_of "$name.h")" "$name.o" "$name.h"
    done
    check_headers *.h
}

# Sourced by tests that try many seeds.

some_seeds() { # TEST FROM: 500 of them. What is whole is noted; what is not leaves its output
    "$1" "$2" $(($2 + 500)) >"out.$2" 2>&1 && tail -n 1 "out.$2" | grep -qx '[0-9]* passed, 0 failed' || { tail -n 60 "out.$2"; return; }
    echo "$2 $(tail -n 1 "out.$2")" >>done.txt
    rm "out.$2"
}

seeds() { # TEST FROM TO
    local from
    touch done.txt
    for from in $(seq "$2" 500 $(($3 - 1))); do
        while [ "$(jobs -rp | wc -l)" -ge "${JOBS:-2}" ]; do wait -n; done
        grep -q "^$from " done.txt || some_seeds "$1" "$from" &
    done
    wait
    awk '{seeds += 500; passed += $2} END {print seeds + 0, "seeds,", passed + 0, "passed"}' done.txt
    ! ls out.* >/dev/null 2>&1
}

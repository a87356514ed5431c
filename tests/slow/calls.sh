# Each call to the system of a command, at each of its occurrences, fails with each error that it can give, and is the process's last.
# Afterwards: no signal, a message and the exit code of the table where something failed, the right result where none is said to have;
# files are the old ones or the new ones, whole, and a run that is resumed ends where an undisturbed one does. Needs strace.
# CALLS="train eval" runs some of the campaigns, EVERY=n each n-th of their failures.
set -u
command -v strace >/dev/null || { echo "strace is not installed: apt install strace"; exit 1; }
place=$(mktemp -d -p "$([ -w /dev/shm ] && echo /dev/shm || echo "$PWD")" nn-calls.XXXXXX)
trap 'rm -rf "$place"' EXIT
cd "$place" || exit 1
jobs=${JOBS:-$(nproc)}

errors() { # CALL: what it can answer
    case $1 in
    openat) echo EACCES EMFILE ENOSPC EIO ENOENT ELOOP ;;
    memfd_create | socketpair) echo EMFILE ENFILE ENOMEM ;;
    sendto | recvfrom) echo EPIPE ECONNRESET ;;
    read | pread64) echo EIO EINTR ;;
    write) echo ENOSPC EIO EDQUOT EINTR ;;
    fsync) echo EIO ENOSPC EINTR ;;
    close) echo EIO ;;
    rename | renameat) echo EIO ENOSPC EACCES EXDEV ;;
    link | linkat | symlink) echo EPERM EMLINK ENOSPC ;;
    unlink | unlinkat | rmdir) echo EIO EACCES EROFS ;;
    wait4) echo EINTR ECHILD ;;
    access | newfstatat | readlink) echo EIO EACCES ENOENT ;;
    flock) echo ENOLCK EAGAIN ;;
    mkdir) echo ENOSPC EACCES ;;
    ftruncate) echo EIO EINTR ;;
    mmap | mprotect) echo ENOMEM ;; # munmap of a whole mapping has no error
    clone3 | clone | vfork) echo EAGAIN ENOMEM ;;
    fcntl) echo EMFILE ;;
    getrandom | sched_getaffinity) echo ENOSYS ;;
    esac
}

# What the checks below look at: status, out and err of the command that was disturbed; failures are one line each.
bad() { echo "$1: $2 #$3 $4: exit $status: $(head -c 200 err)"; }

ended() { # CAMPAIGN CALL N ERROR: how the command may end at all
    case $status in
    0 | 137) ;;
    2 | 3 | 4 | 6) [ -s err ] || [ "$2" = write ] || bad "$@" ;;
    127) grep -q 'error while loading' err || bad "$@" ;; # the C library, before there is a program
    *) bad "$@" ;;
    esac
}

plain() { sed -E 's/"(samples_per_s|time_s)": [^,}]*(, )?//g' "$1"; }
same_set() { # every file of run/ is old/'s, or none is
    local f n=0
    for f in weights.safetensors checkpoint.safetensors checkpoint.previous.safetensors log.jsonl; do
        cmp -s "run/$f" "old/$f" && n=$((n + 1))
    done
    [ $n = 0 ] || [ $n = 4 ]
}

declare -A command
train="./iris --quiet --threads 1 --epochs 3 --checkpoint 4 --out run --log full.jsonl"
begin_train() { cp -r ../old ../iris ../iris.csv . && cp -r old run && cp ../old.jsonl full.jsonl; }
command[train]=$train
check_train() {
    ./iris eval --out run >/dev/null 2>err2 || { bad "$@"; echo "  eval: $(cat err2)"; }
    same_set || { bad "$@"; echo "  files of two runs"; }
    [ $status != 0 ] || cmp -s run/weights.safetensors ../good/weights.safetensors || { bad "$@"; echo "  exit 0, other weights"; }
    if cmp -s run/checkpoint.safetensors old/checkpoint.safetensors; then
        cmp -s full.jsonl ../old.jsonl || rm -f full.jsonl*
        $train 2>err2
    else
        $train --resume 2>err2 || { [ "$2" = write ] && rm -f full.jsonl && $train --resume; }
    fi
    cmp -s run/weights.safetensors ../good/weights.safetensors || { bad "$@"; echo "  resumed, other weights: $(cat err2)"; }
    [ "$2" = write ] || [ "$2" = fsync ] || plain run/log.jsonl | cmp -s - ../good.plain || { bad "$@"; echo "  another log"; }
    ! ls run | grep -q nn-new || { bad "$@"; echo "  left behind: $(ls run)"; }
}

begin_resume() { cp ../iris ../iris.csv . && cp -r ../half run && cp -r ../half old && cp ../half.jsonl full.jsonl; }
command[resume]="$train --resume"
check_resume() {
    ./iris eval --out run >/dev/null 2>err2 || { bad "$@"; echo "  eval: $(cat err2)"; }
    [ $status != 0 ] || cmp -s run/weights.safetensors ../good/weights.safetensors || { bad "$@"; echo "  exit 0, other weights"; }
    $train --resume 2>err2 || { [ "$2" = write ] && rm -f full.jsonl && $train --resume; }
    ! grep -q 'no checkpoint' err2 && cmp -s run/weights.safetensors ../good/weights.safetensors || { bad "$@"; echo "  resumed, other weights: $(cat err2)"; }
}

begin_eval() { cp ../iris ../iris.csv . && cp -r ../old run && cp -r ../old old; }
command[eval]="./iris eval --out run"
check_eval() {
    [ $status != 0 ] || cmp -s out ../eval.txt || { bad "$@"; echo "  exit 0, another answer: $(cat out)"; }
    diff -r run old >/dev/null || { bad "$@"; echo "  files changed"; }
}
begin_predict() { begin_eval; }
command[predict]="./iris predict --out run --data iris.csv"
check_predict() {
    [ $status != 0 ] || cmp -s out ../predict.txt || { bad "$@"; echo "  exit 0, another answer"; }
    diff -r run old >/dev/null || { bad "$@"; echo "  files changed"; }
}

# All that a run can write beside: a log as a table, a report, event files, rows that are kept; then a run that reads the kept rows. What
# fails there ends no training, and nothing of it makes another run wrong.
pages="./kept --quiet --threads 1 --epochs 3 --out run --log log.csv --report --tensorboard --cache rows"
begin_pages() { cp ../kept ../iris.csv . && cp -r ../old old; }
command[pages]=$pages
check_pages() {
    [ $status != 0 ] || cmp -s run/weights.safetensors ../good/weights.safetensors || { bad "$@"; echo "  exit 0, other weights"; }
    [ ! -e run/report.html ] || tail -c 8 run/report.html | grep -q '</html>' || { bad "$@"; echo "  half a report"; }
    find rows -type f -exec touch -d '2 hours ago' {} + 2>/dev/null # what a kill left is swept away by another run that keeps rows
    rm -rf run log.csv rows/*.rows && $pages >out2 2>err2 && cmp -s run/weights.safetensors ../good/weights.safetensors || { bad "$@"; echo "  once more, other weights: $(cat err2)"; }
    ! find rows -name '*nn-new*' | grep -q . || { bad "$@"; echo "  left for good: $(find rows)"; }
}
begin_kept() { begin_pages && cp -r ../rows .; }
command[kept]=$pages
check_kept() { check_pages "$@"; }
begin_report() { begin_eval; }
command[report]="./iris report run"
check_report() {
    [ ! -e report.html ] || cmp -s report.html ../report.html || { bad "$@"; echo "  another report"; }
    [ $status != 0 ] || [ -e report.html ] || { bad "$@"; echo "  exit 0, no report"; }
    diff -r run old >/dev/null || { bad "$@"; echo "  files changed: $(ls run)"; }
}
begin_history() { begin_eval; }
command[history]="./iris history run"
check_history() { [ $status != 0 ] || cmp -s out ../history.txt || { bad "$@"; echo "  exit 0, another answer"; }; }

begin_save() { cp ../files . && cp ../first.safetensors x; }
command[save]="./files save x"
check_save() {
    cmp -s x ../first.safetensors || cmp -s x ../second.safetensors || { bad "$@"; echo "  neither file"; }
    [ $status != 0 ] || cmp -s x ../second.safetensors || { bad "$@"; echo "  exit 0, not saved"; }
}
begin_load() { cp ../files . && cp ../first.safetensors x; }
command[load]="./files load x"
check_load() { # it prints what the instance holds after loading: the file's weights, or its own
    [ $status != 0 ] || cmp -s out ../loaded.txt || { bad "$@"; echo "  exit 0, not loaded"; }
}

# nnc itself, in all its threads and with the process that keeps its files; what it executes is not disturbed.
begin_build() { cp ../former/iris . && mkfifo iris.nn; }
command[build]="$NNC build iris.nn --blas none"
check_build() { same_results "$@" iris; }
begin_object() { cp ../former/iris.o ../former/iris.h . && mkfifo iris.nn; }
command[object]="$NNC build iris.nn --emit obj"
check_object() { same_results "$@" iris.o iris.h; }

begin_check() { mkfifo iris.nn; }
command[check]="$NNC check iris.nn"
check_check() { [ $status != 0 ] || [ ! -s out ] || { bad "$@"; echo "  exit 0, an answer: $(cat out)"; }; }
begin_sweep() { cp ../iris.nn ../iris.csv .; }
command[sweep]="$NNC sweep iris.nn --set lr=1e-3,1e-2 -o points -- --epochs 1"
check_sweep() { # what has ended stays, what has not is run: the table is always the same
    local before=$status
    [ $before != 0 ] || cmp -s out ../sweep.txt || { bad "$@"; echo "  exit 0, another table"; }
    timeout 100 ${command[sweep]} >out2 2>err2 && cmp -s out2 ../sweep.txt ||
        { bad "$@"; echo "  begun again, another table: $(cat out2 err2)"; }
}

# Its results are all the old ones or all the new ones, and nothing lies beside them, unless it was the keeper that was killed.
same_results() { # CAMPAIGN CALL N ERROR|KILL RESULT...
    local at=("${@:1:4}") f old=1 new=1 k
    for f in "${@:5}"; do
        cmp -s "$f" "../former/$f" || old=0
        cmp -s "$f" "../fresh/$f" || new=0
    done
    [ $new = 1 ] || { [ $old = 1 ] && [ $status != 0 ]; } || { bad "${at[@]}"; echo "  results: $(ls)"; }
    [ "$4" != KILL ] || [ $status = 137 ] || return
    # What kills the keeper where it clears up kills nnc too, which ends that work for it, at the same call.
    case $4:$2 in KILL:unlinkat | KILL:rmdir) return ;; esac
    for k in $(seq 200); do
        ls -d .nnc-* >/dev/null 2>&1 || return
        sleep 0.02
    done
    bad "${at[@]}"
    echo "  left behind: $(ls -d .nnc-*)"
}

# Runs the folder's command under strace. nnc waits for the text of its model until it is traced, so that neither the dynamic linker nor
# the reading of options is disturbed.
traced() { # CAMPAIGN STRACE-OPTION...
    local command=${command[$1]} process
    shift
    if [ ! -p iris.nn ]; then
        timeout 60 strace -f -b execve "$@" $command >out 2>err </dev/null
        return
    fi
    $command >out 2>err </dev/null &
    process=$!
    until ! kill -0 $process 2>/dev/null || { [ "$(ls /proc/$process/task | wc -l)" = 2 ] && grep -qs '^257 ' /proc/$process/task/*/syscall; }; do sleep 0.01; done
    timeout 60 strace -f -b execve -p $process "$@" 2>attached &
    until grep -qs attached attached || ! kill -0 $process 2>/dev/null; do sleep 0.01; done
    timeout 2 cp ../iris.nn iris.nn
    timeout 60 tail --pid=$process -f /dev/null || kill -9 $process
    wait $process
}

one() { # CAMPAIGN CALL N ERROR|KILL
    local how=error=$4 folder
    [ "$4" = KILL ] && how=signal=KILL
    folder=$(mktemp -d -p . "$1.XXXXXX")
    cd "$folder" || return
    "begin_$1"
    traced "$1" -o /dev/null -e trace="$2" -e inject="$2:$how:when=$3" 2>/dev/null
    status=$?
    ended "$@"
    "check_$1" "$@"
    cd .. && rm -rf "$folder"
}

campaign() { # NAME: counts the calls of a command that nobody disturbs, then does them all
    local folder k
    folder=$(mktemp -d -p . count.XXXXXX)
    (cd "$folder" && "begin_$1" && traced "$1" -o calls) || { echo "$1 fails undisturbed"; exit 1; }
    # strace counts the calls of each thread by itself: the n-th of all of them fails.
    sed -nE 's/^([0-9]+) +([a-z0-9_]+)\(.*/\1 \2/p' "$folder/calls" |
        awk '{n[$1, $2]++} !seen[$2, n[$1, $2]]++ {print $2, n[$1, $2]}' | while read -r call n; do
        for error in $(errors "$call") KILL; do echo "$1 $call $n $error"; done
    done | awk -v every="${EVERY:-1}" 'NR % every == 0' >"$1.list"
    for k in $(seq 0 $((jobs - 1))); do
        awk -v k="$k" -v jobs="$jobs" 'NR % jobs == k' "$1.list" | while read -r line; do one $line; done >"$1.found.$k" &
    done
    wait
    cat "$1".found.* | head -n 40
    found=$((found + $(cat "$1".found.* | wc -l)))
    echo "$1: $(wc -l <"$folder/calls") calls, $(wc -l <"$1.list") failures and kills, $(cat "$1".found.* | wc -l) lines of complaint"
}

# What is traced from its start has no dynamic linker, whose calls would be disturbed as well.
mkdir static && touch static/cc && chmod +x static/cc || exit 1
own_path=$PATH
PATH=$place/static:$PATH
found=0
sed 's/LARGE = [^,]*,/LARGE = 1,/' "$ROOT/runtime/data/cache.c" >cache.c && gcc -O1 -D_GNU_SOURCE -I"$ROOT/runtime" -c cache.c || exit 1
printf '#!/bin/sh\nexec %s -static "%s/cache.o" "$@"\n' "$(command -v gcc)" "$place" >static/cc # rows of any size are kept
"$NNC" build "$ROOT/examples/iris/iris.nn" --blas none -o kept || exit 1
printf '#!/bin/sh\nexec %s -static "$@"\n' "$(command -v gcc)" >static/cc
"$NNC" build "$ROOT/examples/iris/iris.nn" --blas none && "$NNC" build "$ROOT/examples/iris/iris.nn" --emit obj || exit 1
cp "$ROOT"/examples/iris/iris.{nn,csv} . || exit 1
both() { # FOLDER OPTION...: a trainer and an object
    mkdir "$1" && cp iris.nn "$1" && cd "$1" && "$NNC" build iris.nn --blas none "${@:2}" && "$NNC" build iris.nn --emit obj "${@:2}"
}
gcc -static -I. "$ROOT/tests/host/files.c" iris.o "$BUILD/libnn.a" -lm -lpthread -o files || exit 1
./iris --quiet --threads 1 --epochs 2 --checkpoint 4 --seed 9 --out old --log old.jsonl || exit 1
./iris --quiet --threads 1 --epochs 3 --checkpoint 4 --out good --log good.jsonl || exit 1
./iris --quiet --threads 1 --steps 8 --checkpoint 4 --out half --log half.jsonl || exit 1
plain good/log.jsonl >good.plain
./kept --quiet --threads 1 --epochs 3 --out run --cache rows && cmp run/weights.safetensors good/weights.safetensors && [ "$(ls rows | wc -l)" = 1 ] && rm -r run || exit 1
cp -r old run && ./iris report run >report.txt && ./iris history run >history.txt && rm -r run || exit 1
./iris eval --out old >eval.txt && ./iris predict --out old --data iris.csv >predict.txt || exit 1
./files save second.safetensors && cp old/weights.safetensors first.safetensors && ./files load first.safetensors >loaded.txt || exit 1
PATH=$own_path
"$NNC" sweep iris.nn --set lr=1e-3,1e-2 -o points -- --epochs 1 >sweep.txt || exit 1
(both fresh) && (both former --batch 8) || exit 1
for name in ${CALLS:-train resume eval predict pages kept report history save load build object check sweep}; do campaign "$name"; done
[ "$found" = 0 ]

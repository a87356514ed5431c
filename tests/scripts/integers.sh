# Classes and counts of data files: arithmetic comes first, then the limit; what is wrong is said with file, line and column.
set -u
bad=0
mkdir -p integers && cd integers
cat >stars.nn <<'END'
data reviews = csv("stars.csv") {
    x[2]   = columns(0 .. 1)
    stars  = class(column("stars") - 1, 5)
    twice  = int(column("stars") * 2, 11)
    length = int(column("length"), 10)
}

model net(x[batch, 2]) -> logits[batch, 5] {
    x |> dense(5)
}

train net on reviews {
    loss      = cross_entropy(logits, stars)
    optimizer = sgd(0.01)
    epochs    = 2
}
END
"$NNC" build stars.nn --blas none || exit 1
says() { # EXPECTED ROWS
    printf "a,b,stars,length\n$2" >stars.csv
    ./stars data >out 2>&1
    grep -qF "$1" out || { echo "expected: $1"; cat out; bad=1; }
}
says '1,2,4,10,9' '1,2,5,9\n3,4,1,0\n'
says '3,4,0,2,0' '1,2,5,9\n3,4,1,0\n'
says 'stars.csv:4: expected a whole number 0 .. 4 in field stars, found -1' '1,2,5,9\n\n3,4,0,0\n'
says 'stars.csv:2: expected a whole number 0 .. 4 in field stars, found 0.5' '1,2,1.5,9\n'
says 'stars.csv:3:7: expected a whole number 0 .. 9, found "10"' '1,2,5,9\n3,4,1,10\n'
says 'stars.csv:3:7: expected a whole number 0 .. 9, found "0.5"' '1,2,5,9\n3,4,1,0.5\n'
says 'stars.csv:2:5: expected a number in column "stars", found "five"' '1,2,five,9\n'
exit $bad

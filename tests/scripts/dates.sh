# Dates: every part of them as the system's `date` has it, over all years; what is no date is an error with its place.
set -u
. "$ROOT/tests/support/command.sh"
cat >net.nn <<'PROGRAM'
data d = csv("d.csv") {
    part[4] = [date(column("d"), year), date(column("d"), month), date(column("d"), day), date(column("d"), weekday)]
    seconds = date(column("d"), seconds)
    weekday = class(date(column("d"), weekday), 7)
    year    = date(column("d"), year)
    hour    = mod(date(column("d"), seconds), 86_400) / 3600
    t       = column("t")
}

model net(part[batch, 4], hour[batch]) -> y[batch] = (part |> dense(1))[:, 0] + hour

train net on d {
    loss      = mse(y, t)
    optimizer = sgd(1e-9)
    epochs    = 1
    precision = double
    predict   = [year, y]
}
PROGRAM
"$NNC" build net.nn || fail "net.nn"
awk 'BEGIN {
    srand(3); split("31 28 31 30 31 30 31 31 30 31 30 31", days, " ")
    for (k = 0; k < 600; k++) {
        y = k < 30 ? 1 + k * 37 : 1 + int(rand() * 9998); m = 1 + int(rand() * 12); d = 1 + int(rand() * days[m])
        leap = y % 4 == 0 && (y % 100 != 0 || y % 400 == 0)
        if (leap && k % 3 == 0) { m = 2; d = 29 }
        printf "%04d-%02d-%02d", y, m, d
        if (k % 4 == 1) printf "T%02d:%02d:%02d", rand() * 24, rand() * 60, rand() * 60
        if (k % 4 == 2) printf " %02d:%02d", rand() * 24, rand() * 60
        if (k % 8 == 1) printf "%s", k % 3 ? "Z" : "+00"
        print ""
    }
    for (y = 1896; y <= 2104; y++) print y "-03-01\n" y "-02-28\n" y "-12-31"
    print "0001-01-01\n9999-12-31T23:59:59\n1970-01-01\n1969-12-31T23:59:59\n2000-02-29\n2038-01-19T03:14:08Z"
}' >dates
(echo d,t; sed 's/$/,0/' dates) >d.csv
TZ=UTC date -u -f dates '+%Y,%m,%d,%u,%s' | awk -F, '{ print $1 + 0 "," $2 + 0 "," $3 + 0 "," $4 - 1 "," $5 }' >expected
[ "$(wc -l <expected)" = "$(wc -l <dates)" ] || fail "the system reads other dates"
./net data | tail -n +2 | awk -F, '{ printf "%d,%d,%d,%d,%.0f\n", $1, $2, $3, $4, $5; if ($6 != $4 || $7 != $1) exit 1 }' >found || fail "classes, years"
cmp expected found || { fail "dates"; paste -d' ' dates expected found | awk '$(NF - 1) != $NF' | head -n 5; }
# Offsets, fractions, quotes; hours.
printf 'd,t\n2024-03-01T00:30:00+01:00,0\n2024-02-29 23:30,0\n"2024-02-29T18:00:00,25-05:30",0\n' >d.csv
[ "$(./net data | awk -F, 'NR > 1 { printf "%s %.6f ", $5, $8 }')" = "1709249400 23.500000 1709249400 23.500000 1709249400.25 23.500069 " ] || fail "offsets: $(./net data)"
refused() { # CELL WHY
    printf 'd,t\n2024-01-01,0\n%s,0\n' "$1" >d.csv
    ./net --quiet >said 2>&1
    [ $? -eq 4 ] && grep -qxF "error: d.csv:3:1: expected a date, 2024-02-29 or 2024-02-29T13:45:07 (field part), found \"$1\"$2" said || fail "$1: $(cat said)"
}
for cell in 2023-02-29 1900-02-29 2024-04-31 2024-02-30; do refused "$cell" ": the month has no such day"; done
for cell in 2024-13-01 2024-00-10 2024-01-00 2024-01-32 24-01-01 2024-1-1 01/02/2024 20240101 2024-01-01T 2024-01-01T24:00 2024-01-01T10:60 2024-01-01T10:00:60 \
    2024-01-01T10 2024-01-01T10:00:00. 2024-01-01Z 2024-01-01T10:00X 2024-01-01T10:00+1 2024-01-01T10:00+25:00 0000-01-01 2024-01-011 today NA; do
    refused "$cell" ""
done
printf 'd,t\n2024-01-01,0\n,0\n' >d.csv
expect 4 'd.csv:3:1: expected a date, .*, found ""$' ./net --quiet
sed 's/column("d"), seconds/column("d", missing = 7), seconds/' net.nn | sed '/part\[4\]/s/column("d")/column("d", missing = 2020)/g; /weekday =/d; s/year    = date(column("d")/year    = date(column("d", missing = 1)/' >missing.nn
"$NNC" build missing.nn || fail "missing.nn"
[ "$(./missing data | tail -n 1 | cut -d, -f1-6)" = 2020,2020,2020,2020,7,1 ] || fail "missing dates: $(./missing data)"
exit $bad

# Draws ratings.csv by the formula that README.md states: sh draw.sh >ratings.csv
awk '
function draw() { state = state * 16807 % 2147483647; return state / 2147483647 } # Park and Miller: the same in every awk
function normal(k, s) { for (s = k = 0; k < 12; k++) s += draw(); return s - 6 }
BEGIN {
    state = 1895
    for (i = 0; i < 600; i++) { kind[i] = 0.4 * normal(); for (k = 0; k < 3; k++) likes[i, k] = normal() }
    for (i = 0; i < 300; i++) { good[i] = 0.5 * normal(); for (k = 0; k < 3; k++) has[i, k] = 0.5 * normal() }
    print "user,film,stars"
    for (r = 0; r < 30000; r++) {
        u = r < 600 ? r : int(600 * draw()); f = r < 300 ? r : int(300 * draw() * draw())
        stars = 3.2 + kind[u] + good[f] + 0.5 * normal()
        for (k = 0; k < 3; k++) stars += likes[u, k] * has[f, k]
        printf "u%03d,f%03d,%.1f\n", u, f, stars
    }
}'

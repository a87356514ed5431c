# Draws houses.csv by the formula that README.md states: sh draw.sh >houses.csv
awk '
function draw() { state = state * 16807 % 2147483647; return state / 2147483647 } # Park and Miller: the same in every awk
function normal(k, s) { for (s = k = 0; k < 12; k++) s += draw(); return s - 6 }
BEGIN {
    state = 1789
    split("Harbour Hill Mill Station Vineyard", name, " ")
    split("0.25 0.45 -0.1 -0.2 0.1", worth, " ")
    print "id,district,area,rooms,built,garden,price"
    for (i = 0; i < 900; i++) {
        d = 1 + int(5 * draw())
        area = int(45 + 160 * draw() * draw() + 20 * draw())
        rooms = 1 + int(area / 28 + 1.5 * draw())
        built = 1900 + int(120 * sqrt(draw()))
        garden = draw() < 0.4 ? "yes" : "no"
        price = exp(11.6 + worth[d] + 0.009 * area + 0.03 * rooms + 0.002 * (built - 1960) + 0.1 * (garden == "yes") + 0.1 * normal())
        id = sprintf("%s-%02d-%07d", substr(name[d], 1, 2), built % 100, 1000000 + i * 7919 % 9000000)
        print id "," name[d] "," area "," (draw() < 0.1 ? "" : rooms) "," built "," garden "," 100 * int(price / 100 + 0.5)
    }
}'

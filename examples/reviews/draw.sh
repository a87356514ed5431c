# Draws reviews.csv from the probabilities that README.md states: sh draw.sh >reviews.csv
awk '
function draw() { state = state * 16807 % 2147483647; return state / 2147483647 } # Park and Miller: the same in every awk
function one_of(words, w, n) { n = split(words, w, " "); return w[1 + int(n * draw())] }
# An opinion is good or bad; half of them say so by denying the opposite.
function opinion(good, denied, word) {
    denied = draw() < 0.5
    word = one_of(good != denied ? "fresh warm friendly quick generous lovely" : "stale cold rude slow meagre dreadful")
    return "the " one_of("soup bread waiter service fish wine table dessert") " was " (denied ? one_of("not never hardly") " " : "") one_of("very quite really rather") " " word
}
BEGIN {
    state = 1815
    print "text,verdict"
    for (i = 0; i < 3000; i++) {
        # Two opinions of one kind, or of two kinds: then what stands behind "but" decides.
        good = draw() < 0.5
        mixed = draw() < 0.4
        text = mixed ? opinion(!good) " but " opinion(good) : opinion(good) " and " opinion(good)
        if (draw() < 0.5) text = text " , on " one_of("Monday Tuesday Friday Sunday") " we " one_of("ate sat came") " there"
        if (draw() < 0.03) good = !good # slips of the pen
        printf "\"%s\",%s\n", text, good ? "good" : "bad"
    }
}'

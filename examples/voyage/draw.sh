# Draws voyage.csv from the probabilities that README.md states: sh draw.sh >voyage.csv
awk '
function draw() { state = state * 16807 % 2147483647; return state / 2147483647 } # Park and Miller: the same in every awk
function comma(x) { x = sprintf("%.2f", x); sub(/\./, ",", x); if (length(x) > 6) x = substr(x, 1, length(x) - 6) "." substr(x, length(x) - 5); return x }
BEGIN {
    state = 1912
    print "# Passengers of a voyage that never was: drawn by draw.sh. A fare has a comma before its cents."
    print "Deck;Sex;Age;Siblings;Fare;Port;Saved"
    for (i = 0; i < 800; i++) {
        u = draw(); deck = u < 0.25 ? 1 : u < 0.5 ? 2 : 3
        woman = draw() < 0.38
        age = 12 + int(14 * (draw() + draw() + draw()))
        siblings = draw() < 0.65 ? 0 : 1 + int(3 * draw())
        fare = exp(7.6 - 1.5 * deck + draw())
        u = draw(); port = u < 0.6 ? "North" : u < 0.85 ? "East" : "South"
        z = 0.4 + 2.6 * woman - 1.1 * (deck - 2) - 0.03 * (age - 30) - 0.4 * siblings - 1.2 + (port == "East" ? 0.5 : 0)
        saved = draw() < 1 / (1 + exp(-z))
        age = draw() < 0.2 ? "" : age
        fare = draw() < 0.03 ? "NA" : comma(fare)
        port = draw() < 0.05 ? "" : port
        print substr("firstsecondthird", deck == 1 ? 1 : deck == 2 ? 6 : 12, deck == 2 ? 6 : 5) ";" (woman ? "female" : "male") ";" age ";" \
            siblings ";" fare ";" port ";" (saved ? "yes" : "no")
    }
}'

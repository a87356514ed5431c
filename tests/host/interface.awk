# From the header of any object file to interface.h, by which host.c calls it: awk -v p=PREFIX -v header=FILE.h -f interface.awk FILE.h
# The header is read as a C programmer reads it: sizes are its constants, names and types its prototypes.
BEGIN { P = toupper(p) }
$1 == "#define" { constant[$2] = $3; whole[$2] = / of the whole / }
/^     / && section == "parameters" { match($1, /\[.*/); shape[++parameters] = $1; kind[parameters] = $0 }
/^\/\* Copies of one of these/ { section = "parameters" }
/^nn_status .*_train_step\(/ { training = arguments($0) }
/^nn_status .*_predict\(/ { predicting = arguments($0) }

# "const float *image, int32_t count" without what stands before the first comma.
function arguments(line) { sub(/^[^,]*, /, "", line); sub(/\);.*/, "", line); return line }

function field(text, all,    words, name, n) {
    n = split(text, words, /[ *]+/)
    name = toupper(words[n])
    if (!((P "_" name "_SIZE") in constant)) { print "no size of " words[n] > "/dev/stderr"; exit 1 }
    return sprintf("    {\"%s\", %s, %d, %d, %d},\n", words[n], P "_" name "_SIZE", text ~ /int32_t/, constant[P "_" name "_LIMIT"], !whole[P "_" name "_SIZE"])
}

END {
    print "#include \"" header "\"\ntypedef struct " p " Model;\ntypedef struct " p "_config Config;"
    print "#define BATCH " P "_BATCH\n#define F(name) " p "_##name"
    print "typedef struct { const char *name; long size; int whole; long limit; int rows; } Argument;"
    n = split(training, a, ", ")
    real = a[n] ~ /double/ ? "double" : "float"
    print "typedef " real " Real;\nstatic const Argument fields[] = {"
    for (i = 1; i <= n - 2; i++) { printf "%s", field(a[i]); call = call ", f[" i - 1 "]" }
    print "};\nenum { FIELDS = " n - 2 " };\n#define TRAIN(m, f, count, loss) F(train_step)(m" call ", count, loss)"
    n = split(predicting, a, ", ")
    call = ""; inputs = 0
    print "static const Argument outputs[] = {"
    for (i = 1; i <= n && a[i] != "int32_t count"; i++) { inputs++; call = call ", f[" i - 1 "]" }
    call = call ", count"
    for (i++; i <= n; i++) { printf "%s", field(a[i]); call = call ", o[" i - inputs - 2 "]" }
    print "};\nenum { INPUTS = " inputs ", OUTPUTS = " (n ? n - inputs - 1 : 0) " };"
    # A model that is called in the train block has nothing to predict: what stands here answers as a call of it would.
    if (!n) print "#define PREDICT(m, f, count, o) (!(m) || (count) < 1 || (count) > BATCH ? NN_USAGE : NN_OK)"
    else print "#define PREDICT(m, f, count, o) F(predict)(m" call ")"
    print "typedef struct { const char *name; long count; int whole; } Parameter;\nstatic const Parameter parameters[] = {"
    for (k = 1; k <= parameters; k++) {
        name = shape[k]; count = 1
        # The dimensions stand at the end; a round of `repeat` in the name, net.block[2].w, does not.
        while (match(name, /\[[0-9]+\],?$/)) { d = substr(name, RSTART + 1, RLENGTH - 2); count *= d; name = substr(name, 1, RSTART - 1) }
        sub(/,$/, "", name)
        printf "    {\"%s\", %d, %d},\n", name, count, kind[k] ~ /whole|0 or 1/
    }
    print "};\nenum { PARAMETERS = " parameters " };"
}

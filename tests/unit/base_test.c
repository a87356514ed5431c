// Memory, strings, numbers, maps, sources and places: what everything else stands on.
#include "base/base.h"
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    int passed, failed;
} Tally;

static void expect(Tally *tally, bool good, const char *what) {
    if (good)
        tally->passed++;
    else
        tally->failed++;
    if (!good) printf("FAILED %s\n", what);
}

static void check_memory(Tally *tally) {
    Arena *arena = arena_create();
    bool good = true;
    for (size_t size = 1; size < 300000; size = size * 3 + 1) {
        unsigned char *bytes = arena_alloc(arena, size, 32);
        good = good && (uintptr_t)bytes % 32 == 0;
        for (size_t i = 0; i < size; i++) good = good && !bytes[i];
        memset(bytes, 0xff, size);
    }
    expect(tally, good, "memory is zeroed and aligned");
    VEC(int) list = {0};
    for (int i = 0; i < 10000; i++) vec_push(arena, &list, i * 7);
    for (int i = 0; i < 10000; i++) good = good && list.data[i] == i * 7;
    expect(tally, good && list.count == 10000, "a vector keeps what is pushed");
    arena_destroy(arena);
}

static void check_numbers(Tally *tally) {
    Arena *arena = arena_create();
    bool good = true;
    uint64_t seed = 1;
    for (int i = 0; i < 20000; i++) {
        seed = hash_mix(seed, 3);
        double value, back;
        memcpy(&value, &seed, sizeof value);
        if (!isfinite(value)) continue;
        const char *text = string_of_double(arena, value);
        good = good && double_of_string(text, strlen(text), &back) && memcmp(&back, &value, sizeof back) == 0;
    }
    expect(tally, good, "numbers printed read back as they were");
    static const struct {
        double value;
        const char *text;
    } shown[] = {{0.1, "0.1"}, {5000, "5000"},   {1e-3, "0.001"}, {1.0 / 3, "0.3333333333333333"},
                 {-2, "-2"},   {1e100, "1e+100"}};
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        expect(tally, string_equal(string_of_double(arena, shown[i].value), shown[i].text), shown[i].text);
    double value;
    expect(tally,
           !double_of_string("1,5", 3, &value) && !double_of_string("", 0, &value) &&
               !double_of_string(" 1", 2, &value),
           "what is no number is refused");
    if (setlocale(LC_ALL, "de_DE.UTF-8"))
        expect(tally, double_of_string("1.5", 3, &value) && string_equal(string_of_double(arena, 1.5), "1.5"),
               "any locale");
    setlocale(LC_ALL, "C");
    arena_destroy(arena);
}

static void check_strings(Tally *tally) {
    Arena *arena = arena_create();
    static const char *const words[] = {"dense", "relu", "accuracy", "lr", "dropout"};
    expect(tally, string_equal(string_nearest("desne", words, 5), "dense"), "two letters swapped");
    expect(tally, string_equal(string_nearest("ReLU", words, 5), "relu"), "case counts nothing");
    expect(tally, string_equal(string_nearest("acuracy", words, 5), "accuracy"), "a letter left out");
    expect(tally, !string_nearest("xr", words, 5) && !string_nearest("", words, 5),
           "short words are not guessed");
    Text text = {.arena = arena};
    text_put(&text, "a");
    text_add(&text, "%d%s", 12, "b");
    text_json(&text, "q\"\\\n\t\x01\xc3\xa9");
    expect(tally, string_equal(text_string(&text), "a12b\"q\\\"\\\\\\u000a\\u0009\\u0001\xc3\xa9\""),
           "a text, and JSON's escapes");
    arena_destroy(arena);
}

static void check_maps(Tally *tally) {
    Arena *arena = arena_create();
    Map *map = map_create(arena);
    static int values[5000];
    bool good = true;
    for (int i = 0; i < 5000; i++) map_set(map, string_format(arena, "key %d", i), &values[i]);
    for (int i = 0; i < 5000; i++) {
        const char *key = string_format(arena, "key %d", i);
        good = good && map_get(map, key) == &values[i] && string_equal(map_key(map, i), key) &&
               map_value(map, i) == &values[i];
    }
    map_set(map, "key 7", &values[8]);
    expect(tally,
           good && map_count(map) == 5000 && map_get(map, "key 7") == &values[8] && !map_get(map, "none"),
           "a map keeps keys in order, and the last value");
    arena_destroy(arena);
}

static void check_places(Tally *tally) {
    Context *ctx = context_create();
    Source *first = source_add(ctx, "first", "one\ntwo", 7),
           *second = source_add(ctx, "second", "three\n\nfour\n", 12);
    int line, column;
    Span in_second = {second->base + 7, second->base + 11};
    source_position(ctx, in_second, &line, &column);
    expect(tally, source_of(ctx, in_second) == second && line == 3 && column == 1,
           "a place in the second source");
    Span end = {first->base + 7, first->base + 7};
    source_position(ctx, end, &line, &column);
    expect(tally, source_of(ctx, end) == first && line == 2 && column == 4, "the end of the first source");
    expect(tally, !source_of(ctx, NO_SPAN), "no place");
    expect(tally, context_intern(ctx, "abc", 2) == context_intern(ctx, "ab", 2), "equal texts are one");
    context_destroy(ctx);
}

int main(void) {
    Tally tally = {0};
    check_memory(&tally);
    check_numbers(&tally);
    check_strings(&tally);
    check_maps(&tally);
    check_places(&tally);
    printf("%d passed, %d failed\n", tally.passed, tally.failed);
    return tally.failed != 0;
}

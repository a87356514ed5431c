// A strict pull reader of JSON in memory: RFC 8259, UTF-8 taken as it comes, no comments, no trailing commas.
// Guarantees: never reads past `end`; depth is limited; after a failure every call fails.
#include "base/runtime.h"

#include <math.h>
#include <string.h>

// Also as a count: none.
static bool failed(nn_json *j) {
    j->failed = true;
    return false;
}

static void skip_blanks(nn_json *j) {
    while (j->at < j->end && (*j->at == ' ' || *j->at == '\t' || *j->at == '\n' || *j->at == '\r')) j->at++;
}

bool nn_json_peek(nn_json *j, char c) {
    skip_blanks(j);
    return !j->failed && j->at < j->end && *j->at == c;
}

bool nn_json_take(nn_json *j, char c) {
    if (!nn_json_peek(j, c)) return false;
    j->at++;
    return true;
}

static bool hex4(nn_json *j, uint32_t *value) {
    *value = 0;
    if (j->end - j->at < 4) return failed(j);
    for (int k = 0; k < 4; k++) {
        char c = *j->at++;
        uint32_t digit;
        if (c >= '0' && c <= '9')
            digit = (uint32_t)(c - '0');
        else if ((c | 32) >= 'a' && (c | 32) <= 'f')
            digit = (uint32_t)((c | 32) - 'a' + 10);
        else
            return failed(j);
        *value = *value * 16 + digit;
    }
    return true;
}

// The bytes of \uXXXX (with its second half where it is one of a pair). Returns how many, 0 after a failure.
static int escaped_letter(nn_json *j, char out[4]) {
    uint32_t c, low;
    if (!hex4(j, &c)) return 0;
    if (c >= 0xd800 && c < 0xdc00) {
        if (j->end - j->at < 6 || j->at[0] != '\\' || j->at[1] != 'u') return failed(j);
        j->at += 2;
        if (!hex4(j, &low) || low < 0xdc00 || low > 0xdfff) return failed(j);
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    } else if (c >= 0xdc00 && c <= 0xdfff)
        return failed(j);
    int n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (int k = n - 1; k > 0; k--, c >>= 6) out[k] = (char)(0x80 | (c & 0x3f));
    static const unsigned char heads[5] = {0, 0, 0xc0, 0xe0, 0xf0};
    out[0] = (char)(heads[n] | c);
    return n;
}

static int letter(nn_json *j, char out[4]) {
    char c = *j->at++;
    if ((unsigned char)c < 0x20) return failed(j);
    out[0] = c;
    if (c != '\\') {
        size_t n = nn_utf8_length(j->at - 1, (size_t)(j->end - j->at) + 1);
        for (size_t k = 1; k < n; k++) out[k] = *j->at++;
        j->failed = n == 0;
        return (int)n;
    }
    if (j->at == j->end) return failed(j);
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    c = *j->at++;
    if (c == 'u') return escaped_letter(j, out);
    const char *at = c == '\0' ? NULL : strchr(from, c);
    if (at == NULL) return failed(j);
    out[0] = to[at - from];
    return 1;
}

bool nn_json_string(nn_json *j, char *out, uint64_t room, uint64_t *length) {
    if (!nn_json_take(j, '"')) return failed(j);
    uint64_t n = 0;
    while (j->at < j->end && *j->at != '"') {
        char bytes[4];
        int count = letter(j, bytes);
        if (count == 0) return false;
        if (out != NULL && n + (uint64_t)count >= room) return failed(j);
        for (int k = 0; k < count; k++, n++) {
            if (out != NULL) out[n] = bytes[k];
        }
    }
    if (j->at == j->end) return failed(j);
    j->at++;
    if (out != NULL) out[n] = '\0';
    if (length != NULL) *length = n;
    return true;
}

static int64_t digits(nn_json *j) {
    const char *start = j->at;
    while (j->at < j->end && *j->at >= '0' && *j->at <= '9') j->at++;
    return j->at - start;
}

bool nn_json_whole(nn_json *j, uint64_t *value) {
    skip_blanks(j);
    const char *start = j->at;
    int64_t count = digits(j), whole;
    bool more = j->at < j->end && (*j->at == '.' || (*j->at | 32) == 'e');
    if (j->failed || more || !nn_integer_parse(start, (uint64_t)count, &whole) ||
        (*start == '0' && count > 1))
        return failed(j);
    *value = (uint64_t)whole;
    return true;
}

static bool skip_word(nn_json *j) {
    static const char words[][6] = {"true", "false", "null"};
    for (int k = 0; k < 3; k++) {
        size_t n = strlen(words[k]);
        if ((size_t)(j->end - j->at) >= n && memcmp(j->at, words[k], n) == 0) {
            j->at += n;
            return true;
        }
    }
    j->at += j->at < j->end && *j->at == '-';
    bool zero = j->at < j->end && *j->at == '0';
    int64_t whole = digits(j), fraction = 1, exponent = 1;
    if (j->at < j->end && *j->at == '.') {
        j->at++;
        fraction = digits(j);
    }
    if (j->at < j->end && (*j->at | 32) == 'e') {
        j->at++;
        j->at += j->at < j->end && (*j->at == '-' || *j->at == '+');
        exponent = digits(j);
    }
    return (whole > 0 && !(zero && whole > 1) && fraction > 0 && exponent > 0) || failed(j);
}

bool nn_json_skip(nn_json *j, int depth) {
    if (depth > NN_JSON_DEPTH) return failed(j);
    if (nn_json_peek(j, '"')) return nn_json_string(j, NULL, 0, NULL);
    bool object = nn_json_peek(j, '{');
    if (!object && !nn_json_peek(j, '[')) return j->at < j->end && !j->failed ? skip_word(j) : failed(j);
    j->at++;
    char close = object ? '}' : ']';
    if (nn_json_take(j, close)) return true;
    do {
        if (object && (!nn_json_string(j, NULL, 0, NULL) || !nn_json_take(j, ':'))) return failed(j);
        if (!nn_json_skip(j, depth + 1)) return false;
    } while (nn_json_take(j, ','));
    return nn_json_take(j, close) || failed(j);
}

bool nn_json_is_object(const char *text, const char *end) {
    nn_json j = {.at = text, .end = end};
    return nn_json_peek(&j, '{') && nn_json_skip(&j, 0) && j.at == end;
}

bool nn_json_member(nn_json *j, char *key, uint64_t room, nn_json *value) {
    if (!nn_json_take(j, '{') && !nn_json_take(j, ',')) return false;
    if (nn_json_peek(j, '}') || !nn_json_string(j, key, room, NULL) || !nn_json_take(j, ':')) return false;
    skip_blanks(j);
    *value = (nn_json){.at = j->at};
    if (!nn_json_skip(j, 0)) return false;
    value->end = j->at;
    return true;
}

bool nn_json_find(nn_json object, const char *name, nn_json *value) {
    char key[256];
    while (nn_json_member(&object, key, sizeof key, value))
        if (nn_same(key, name)) return true;
    return false;
}

double nn_json_number(nn_json object, const char *name) {
    nn_json value;
    double number;
    bool there = nn_json_find(object, name, &value) &&
                 nn_number_parse(value.at, (uint64_t)(value.end - value.at), &number);
    return there ? number : (double)NAN;
}

// What is made of logs: records that TensorBoard reads, against bytes that its own writer made; logs that are
// none; texts and pictures of pages.
#include "support/check.h"
#include "report/page.h"

#include <math.h>
#include <string.h>

static nn_json line_of(const char *text) { return (nn_json){.at = text, .end = text + strlen(text)}; }

// RecordWriter and the messages of tensorboard 2.21 wrote these.
static const char wanted[] =
    "1800000000000000a37f4b220900000000004a93401a0d627261696e2e4576656e743a3265b8d3fb5e00000000000000"
    "d8b06ebc0900000000004d934010ac022a500a110a0a6c6f73732f747261696e150000003f0a100a096c6f73732f7465"
    "737415cdcccc3d0a1a0a1361636375726163792f76616c69646174696f6e150000803f0a0d0a0672756e2f6c72156f12"
    "833a7f53a93fed000000000000003ef52d86090000000000509340100a2adf010a620a0d776569676874732f6e65742e"
    "772a5109000000000000f0bf11000000000000f03f19000000000000084021000000000000e03f29000000000000f43f"
    "32100000000000000000000000000000f03f3a10000000000000f03f00000000000000400a790a0d6368616e6765732f"
    "6e65742e772a681100000000000010401900000000000000402100000000000010402900000000000030403220000000"
    "000000f03f0000000000000040000000000000084000000000000010403a20000000000000f03f000000000000000000"
    "00000000000000000000000000f03ff918f7a2";

static const char *const lines[] = {
    "{\"event\": \"epoch\", \"step\": 300, \"epoch\": 2, \"loss\": 0.5, \"lr\": 0.001, \"samples_per_s\": "
    "null, \"time_s\": 1, "
    "\"test.loss\": 0.1, \"validation.accuracy\": 1, \"test.confusion\": [1, 2], \"best\": true}",
    "{\"event\": \"weights\", \"step\": 10, \"epoch\": 0, \"tensor\": \"net.w\", \"count\": 3, \"low\": -1, "
    "\"high\": 1, \"sum\": 0.5, "
    "\"square\": 1.25, \"counts\": [1, 2], \"update\": {\"count\": 2, \"low\": 0, \"high\": 4, \"sum\": 4, "
    "\"square\": 16, "
    "\"counts\": [1, 0, 0, 1]}}",
};

static void test_records(Tests *t) {
    nn_context ctx = {0};
    nn_text out, hex;
    uint64_t length, first;
    nn_text_begin(&out, &ctx);
    nn_text_begin(&hex, &ctx);
    nn_event_begin(&out, 1234.5);
    first = out.length;
    nn_event_put(&out, line_of(lines[0]), 1235.25);
    nn_event_put(&out, line_of(lines[1]), 1236);
    nn_event_put(&out, line_of("{\"event\": \"start\", \"step\": 0, \"loss\": null}"), 1237);
    nn_event_put(&out, line_of("{\"event\": \"epoch\", \"step\": 1e36, \"loss\": 1}"),
                 1238); // no step of a run
    for (uint64_t k = 0; k < out.length; k++) nn_text_format(&hex, "%02x", (unsigned char)out.bytes[k]);
    check(t, nn_same(hex.bytes, wanted), "records are those of TensorBoard's own writer");
    const unsigned char *bytes = (const unsigned char *)out.bytes;
    check(t, nn_event_step(bytes, out.length, &length) == 0 && length == first,
          "the first record has no step");
    check(t, nn_event_step(bytes + first, out.length - first, &length) == 300, "the next has");
    for (uint64_t k = 0; k < out.length - first - length; k++)
        check(t, nn_event_step(bytes + first, length - 1 - k % length, &length) == -1 || k >= length,
              "a cut record is none");
    for (uint64_t k = 0; k < first; k++) {
        out.bytes[k] = (char)(out.bytes[k] ^ 4);
        check(t, nn_event_step(bytes, out.length, &length) == -1, "a damaged record is none");
        out.bytes[k] = (char)(out.bytes[k] ^ 4);
    }
    nn_context_end(&ctx);
}

static void test_texts(Tests *t) {
    nn_context ctx = {0};
    nn_text out;
    nn_text_begin(&out, &ctx);
    nn_html_string(&out, "<a href='x'>&\"\x1b\xc2\x9b\xe2\x80\xae\xff\xc3\xa9\n");
    check(
        t,
        nn_same(out.bytes,
                "&#60;a "
                "href=&#39;x&#39;&#62;&#38;&#34;\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xc3\xa9\n"),
        "what a page may not hold is no part of it");
    double counts[NN_BINS_MOST];
    check(t, nn_story_counts(line_of("{\"counts\": [1, 2.5,3]}"), counts) == 3 && counts[1] == 2.5, "counts");
    check(t, nn_story_counts(line_of("{\"counts\": [1, [2]]}"), counts) == 1, "counts that are none");
    check(t, nn_story_counts(line_of("{\"counts\": 1}"), counts) == 0, "a count that is no list");
    check(t,
          isnan(nn_json_number(line_of("{\"a\": null, \"b\": 2}"), "a")) &&
              nn_json_number(line_of("{\"a\": {\"b\": 1}, \"b\": 2}"), "b") == 2,
          "a member is its own object's");
    nn_context_end(&ctx);
}

int main(void) {
    Tests t = {0, 0};
    test_records(&t);
    test_texts(&t);
    return tests_end(&t);
}

// Logs of any contents: read, told and made a page of, and cut as event files.
#include "report/page.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    char path[] = "log.jsonl";
    nn_context ctx = {0};
    nn_story runs[2] = {{.name = "a", .path = path}, {.name = "b", .path = path}};
    nn_text out;
    uint64_t length;
    nn_text_begin(&out, &ctx);
    // The second run is the second half.
    bool read = nn_story_parse(&ctx, &runs[0], (const char *)bytes, size) == NN_OK &&
                nn_story_parse(&ctx, &runs[1], (const char *)bytes + size / 2, size - size / 2) == NN_OK;
    if (ctx.status == NN_DATA) nn_forget(&ctx);
    if (runs[0].epochs != NULL && runs[0].others != NULL) {
        int count = read ? 2 : 1;
        nn_history(&ctx, runs, 1, &out);
        if (read) nn_history(&ctx, runs, count, &out);
        nn_html_page(&ctx, &(nn_page){.runs = runs, .count = 1, .program = "", .body = ""}, &out);
        if (read)
            nn_html_page(&ctx, &(nn_page){.runs = runs, .count = count, .program = "", .body = ""}, &out);
        for (int64_t k = 0; k < runs[0].epoch_count; k++) nn_event_put(&out, runs[0].epochs[k], 1);
        for (int64_t k = 0; k < runs[0].other_count; k++) nn_event_put(&out, runs[0].others[k], 1);
    }
    nn_event_step(bytes, size, &length);
    nn_context_end(&ctx);
    return 0;
}

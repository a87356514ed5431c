// Event files for TensorBoard, beside the log and made of its lines. Guarantees: a resumed run goes on behind
// the records up to its checkpoint; an older run's file is replaced with the first save; a file that cannot
// be written ends no run.
#include "train/loop.h"

#include <fcntl.h>
#include <stdio.h>
#include <time.h>

static double seconds_since_1970(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void write_records(nn_log *log, nn_text *records) {
    if (log->file >= 0 && !log->broken && !records->failed &&
        !nn_write_all(log->file, records->bytes, records->length))
        nn_log_give_up(log);
    nn_text_end(records);
}

// So many bytes of the file are records of steps that the checkpoint knows.
static nn_status kept_bytes(nn_loop *l, uint64_t *kept) {
    unsigned char *bytes;
    uint64_t size, length;
    *kept = 0;
    if (!nn_file_exists(l->events.path)) return NN_OK;
    if (nn_file_read(l->ctx, l->events.path, &bytes, &size) != NN_OK) return l->ctx->status;
    for (int64_t step;
         (step = nn_event_step(bytes + *kept, size - *kept, &length)) >= 0 && step <= l->t->at.step;)
        *kept += length;
    nn_drop(l->ctx, bytes);
    return NN_OK;
}

nn_status nn_events_open(nn_loop *l, bool resumed) {
    nn_log *log = &l->events;
    const nn_files *f = l->t->files;
    uint64_t kept = 0;
    nn_system_remove(f->fresh[NN_FILE_EVENTS]); // of a run that saved nothing
    if (l->t->options->value[NN_OPTION_TENSORBOARD] == NULL) return NN_OK;
    log->ctx = l->ctx;
    l->event_step = -1;
    memcpy(log->path, f->of[NN_FILE_EVENTS], sizeof log->path);
    memcpy(log->fresh, f->fresh[NN_FILE_EVENTS], sizeof log->fresh);
    if (nn_file_replaceable(l->ctx, log->path) != NN_OK || (resumed && kept_bytes(l, &kept) != NN_OK))
        return l->ctx->status;
    bool waits = !resumed && nn_file_exists(log->path);
    log->file =
        waits ? nn_file_create(log->fresh) : nn_system_open(log->path, O_WRONLY | O_CREAT | O_APPEND, 0666);
    if (!waits) log->fresh[0] = '\0';
    if (log->file < 0 || (!waits && nn_system_truncate(log->file, kept) != 0))
        return nn_file_failed(l->ctx, "write", log->path);
    nn_text out;
    nn_text_begin(&out, l->ctx);
    if (kept == 0) nn_event_begin(&out, seconds_since_1970());
    write_records(log, &out);
    return NN_OK;
}

// A matrix of counts, each row by its share, as squares.
static void put_confusion(nn_loop *l, nn_text *out, int part, uint32_t metric) {
    enum { WIDEST = 64, SIDE = 8 };
    const nn_trainer *t = l->t;
    const nn_metric *of = &NN_TABLE(&t->model, nn_metric, metrics)[metric];
    const double *m = t->values[part][metric].values;
    char name[NN_KEY_ROOM];
    if (nn_confusion_field(t, part, metric) < 0) return;
    int64_t n = nn_model_tensor(&t->model, of->tensor)->dims[0], size = n * SIDE;
    unsigned char *pixels = n > WIDEST ? NULL : nn_get(l->ctx, (uint64_t)(size * size), 1);
    if (pixels == NULL) return;
    for (int64_t i = 0; i < n; i++) {
        double sum = 0;
        for (int64_t j = 0; j < n; j++) sum += m[i * n + j];
        for (int64_t k = 0; k < size * SIDE && sum > 0; k++)
            pixels[i * SIDE * size + k] = (unsigned char)(255 * m[i * n + k % size / SIDE] / sum);
    }
    snprintf(name, sizeof name, "%.16s.%.200s", nn_part_names[part], nn_model_text(&t->model, of->name));
    nn_event_picture(out, name, pixels, size, t->at.step, seconds_since_1970());
    nn_drop(l->ctx, pixels);
}

void nn_events_line(nn_loop *l) {
    nn_text out;
    if (l->events.file < 0 || l->events.broken) return;
    nn_text_begin(&out, l->ctx);
    nn_event_put(&out, (nn_json){.at = l->line.bytes, .end = l->line.bytes + l->line.length},
                 seconds_since_1970());
    write_records(&l->events, &out);
}

void nn_events_epoch(nn_loop *l) {
    nn_text out;
    if (l->events.file < 0 || l->events.broken || l->event_step == l->t->at.step)
        return; // the end of an epoch told
    l->event_step = l->t->at.step;
    nn_events_line(l);
    nn_text_begin(&out, l->ctx);
    for (int p = NN_TEST; p < NN_PARTS; p++) {
        for (uint32_t k = 0; k < l->manifest->metrics_count && l->t->measured[p]; k++)
            put_confusion(l, &out, p, k);
    }
    write_records(&l->events, &out);
}

void nn_events_close(nn_loop *l) {
    if (l->events.file >= 0 && l->events.fresh[0] != '\0')
        nn_system_remove(l->events.fresh); // nothing was saved
    nn_log_close(&l->events);
}

// A trainer's main: the processor is checked, the command line read, the command run; what failed is said
// here, and nowhere else.
#include "train/train.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void nn_message(const char *kind, const char *text) {
    char line[NN_PATH_ROOM * 2];
    int n = snprintf(line, sizeof line, "%s: %s\n", kind, text);
    uint64_t length = n < 0 ? 0 : (uint64_t)n < sizeof line ? (uint64_t)n : sizeof line - 1;
    // A message may quote data: what they say to a terminal is not passed on, and a line of theirs is none of
    // ours, which begin with a blank.
    for (uint64_t k = 0; k + 1 < length; k++) line[k] = line[k] == '\n' && line[k + 1] != ' ' ? '?' : line[k];
    nn_system_write(2, line, nn_utf8_shown(line, length));
}

nn_status nn_print(nn_context *ctx, nn_text *text) {
    if (text->failed) return ctx->status;
    if (isatty(1)) text->length = nn_utf8_shown(text->bytes, text->length);
    return nn_write_all(1, text->bytes, text->length)
               ? NN_OK
               : nn_fail(ctx, NN_FILE, "cannot write to standard output");
}

static nn_status check_processor(nn_context *ctx, const nn_model *m) {
    const char *feature;
    int length = nn_processor_lacks(nn_model_text(m, m->manifest->features), &feature);
    return length == 0 ? NN_OK
                       : nn_fail(ctx, NN_USAGE,
                                 "this processor lacks %.*s, which this trainer was compiled for (--cpu %s); "
                                 "build it with --cpu "
                                 "x86-64-v3, or on this machine",
                                 length, feature, nn_model_text(m, m->manifest->cpu));
}

static int run_command(nn_context *ctx, const nn_model *m, const nn_options *o) {
    static nn_status (*const commands[])(nn_trainer *) = {
        [NN_COMMAND_EVAL] = nn_command_eval,     [NN_COMMAND_PREDICT] = nn_command_predict,
        [NN_COMMAND_DATA] = nn_command_data,     [NN_COMMAND_INFO] = nn_command_info,
        [NN_COMMAND_SAMPLE] = nn_command_sample, [NN_COMMAND_HISTORY] = nn_command_history,
        [NN_COMMAND_REPORT] = nn_command_report};
    if (o->command == NN_COMMAND_TRAIN) return nn_command_train(ctx, m, o);
    if (o->command == NN_COMMAND_SWEEP) return nn_command_sweep(ctx, m, o);
    if (commands[o->command] == NULL) // of a library that is linked where a text is read
        return (int)nn_fail(ctx, NN_USAGE, "sample goes on with a text: this program reads none");
    nn_trainer t;
    if (nn_trainer_open(&t, ctx, m, o) == NN_OK) commands[o->command](&t);
    nn_trainer_close(&t);
    return (int)ctx->status;
}

static int print_text(nn_context *ctx, const nn_model *m, const nn_options *o) {
    nn_text text;
    nn_text_begin(&text, ctx);
    if (o->value[NN_OPTION_HELP] != NULL)
        nn_options_help(m, &text);
    else
        nn_text_format(&text, "%s, compiled by nnc %s\n", nn_model_text(m, m->manifest->name),
                       nn_model_text(m, m->manifest->version_text));
    return (int)nn_print(ctx, &text);
}

// Where a standard stream is closed, the next file that is opened would take its number, and what is said its
// contents. What stands there instead fails as a closed one does.
static void hold_streams(void) {
    static const int modes[] = {O_WRONLY, O_RDONLY, O_WRONLY};
    for (int k = 0; k < 3; k++) {
        int file = fcntl(k, F_GETFD) < 0 ? open("/dev/null", modes[k]) : k;
        if (file != k && file >= 0) close(file);
    }
}

typedef struct {
    const void *manifest;
    nn_run *run;
    int argc;
    char **argv;
    sigset_t signals; // of the thread that called
    int code;
} Job;

static void *work(void *job) {
    Job *j = job;
    nn_context ctx = {0};
    nn_model model;
    nn_options options;
    pthread_sigmask(SIG_SETMASK, &j->signals, NULL);
    j->code = (int)nn_model_open(&ctx, &model, j->manifest, j->run);
    if (j->code == NN_OK) j->code = (int)nn_options_parse(&ctx, &options, j->argc, j->argv);
    if (j->code == NN_OK &&
        (options.value[NN_OPTION_HELP] != NULL || options.value[NN_OPTION_VERSION] != NULL))
        j->code = print_text(&ctx, &model, &options);
    else if (j->code == NN_OK && (j->code = (int)check_processor(&ctx, &model)) == NN_OK) {
        // Who reads what a run says may leave before it ends; results that nobody reads any more end the
        // command.
        if (options.command == NN_COMMAND_TRAIN) signal(SIGPIPE, SIG_IGN);
        j->code = run_command(&ctx, &model, &options);
    }
    if (ctx.status != NN_OK) nn_message("error", ctx.message);
    nn_context_end(&ctx);
    return NULL;
}

// The command has a stack of a known size; this thread's may be of any.
int nn_trainer_main(const void *manifest, nn_run *run, int argc, char **argv) {
    Job job = {.manifest = manifest, .run = run, .argc = argc, .argv = argv};
    pthread_t thread;
    sigset_t all;
    hold_streams();
    // A file that may not grow is an error with a message.
    signal(SIGXFSZ, SIG_IGN);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &job.signals);
    int error = nn_thread_start(&thread, work, &job);
    if (error == 0)
        pthread_join(thread, NULL);
    else
        nn_message("error: cannot start a thread", strerror(error));
    pthread_sigmask(SIG_SETMASK, &job.signals, NULL);
    return error == 0 ? job.code : NN_MEMORY;
}

// Results differ between levels: who compares them says which.
static const nn_version *named_version(const nn_version *const *versions, int32_t count, const char *name) {
    char text[512];
    int at = snprintf(text, sizeof text, "NN_CPU: this trainer was compiled for");
    for (int32_t k = 0; k < count; k++) {
        nn_model m = {.manifest = versions[k]->manifest};
        const char *cpu = nn_model_text(&m, m.manifest->cpu);
        if (nn_same(name, cpu)) return versions[k];
        at += snprintf(text + at, sizeof text - (size_t)at, "%s %s", k > 0 ? "," : "", cpu);
    }
    snprintf(text + at, sizeof text - (size_t)at, ", found %.64s", name);
    nn_message("error", text);
    return NULL;
}

int nn_versions_main(const nn_version *const *versions, int32_t count, int argc, char **argv) {
    const char *name = getenv("NN_CPU");
    const nn_version *v =
        name == NULL ? nn_version_choose(versions, count) : named_version(versions, count, name);
    return v == NULL ? NN_USAGE : nn_trainer_main(v->manifest, v->run, argc, argv);
}

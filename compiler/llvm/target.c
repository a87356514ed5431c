// What code is made for. Feature levels, not processors: a build for a level gives the same bytes on every
// machine.
#include "llvm/llvm.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <llvm-c/Core.h>
#include <llvm-c/ErrorHandling.h>
#include <llvm-c/TargetMachine.h>

#define AVX512 "avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx2,fma,bmi,bmi2,f16c,lzcnt,movbe"
#define BF16 "avx512bf16"

typedef struct {
    const char *name, *features;
    bool fused;
    int lanes, registers;
} Level;

static const Level levels[] = {
    {"x86-64-v4", AVX512, true, 16, 32},
    {"x86-64-v3", "avx2,fma,bmi,bmi2,f16c,lzcnt,movbe", true, 8, 16},
    {"x86-64-v2", "sse4.2,ssse3,popcnt,cx16", false, 4, 16},
};
// x86-64-v4 with products of bfloat16; `native` is never this one, but may get them (target_use).
static const char with_bf16[] = "x86-64-v4-bf16";
enum { LEVELS = sizeof levels / sizeof *levels };

// Is every feature of the level's list among the host's ("+avx2,-avx512f,...")?
static bool host_has(const char *host, const char *wanted) {
    for (const char *f = wanted; *f;) {
        size_t length = strcspn(f, ",");
        bool found = false;
        for (const char *h = host; *h && !found;) {
            size_t n = strcspn(h, ",");
            found = n == length + 1 && *h == '+' && !strncmp(h + 1, f, length);
            h += n + (h[n] == ',');
        }
        if (!found) return false;
        f += length + (f[length] == ',');
    }
    return true;
}

static const Level *host_level(void) {
    char *host = LLVMGetHostCPUFeatures();
    const Level *best = NULL;
    for (int i = 0; i < LEVELS && !best; i++)
        if (host_has(host, levels[i].features)) best = &levels[i];
    LLVMDisposeMessage(host);
    return best;
}

bool target_runs_here(const Target *t) {
    char *host = LLVMGetHostCPUFeatures();
    bool has = host_has(host, t->features);
    LLVMDisposeMessage(host);
    return has;
}

static void use_bf16(Context *ctx, Target *t) {
    t->features = string_format(ctx->arena, "%s," BF16, t->features);
    t->bf16 = true;
}

// Processors with AMX have this instruction for compatibility: on Sapphire Rapids it reaches 94 GF/s a core
// where multiply-adds in single reach 194; on Zen 5 511 and 257.
void target_use(Context *ctx, Target *t, Precision precision) {
    char *host = LLVMGetHostCPUFeatures();
    bool wide = t->machine.lanes == 16 && host_has(host, BF16) && !host_has(host, "amx-bf16");
    if (precision == PRECISION_BF16 && t->native && !t->bf16 && wide) use_bf16(ctx, t);
    LLVMDisposeMessage(host);
}

static const Level *find_level(Context *ctx, const char *cpu) {
    if (!strcmp(cpu, "native")) {
        const Level *level = host_level();
        if (!level) diagnose(ctx, CPU_TOO_OLD, NO_SPAN);
        return level;
    }
    for (int i = 0; i < LEVELS; i++)
        if (!strcmp(cpu, levels[i].name)) return &levels[i];
    if (!strcmp(cpu, with_bf16)) return &levels[0];
    diagnose(ctx, UNKNOWN_CPU, NO_SPAN, cpu);
    return NULL;
}

// 0: the highest.
static int rank_of(const Level *level, const char *name) {
    return !strcmp(name, with_bf16) ? 0 : 1 + (int)(level - levels);
}

bool levels_read(Context *ctx, const char *cpu, Levels *names) {
    int ranks[LEVELS + 1];
    for (const char *at = cpu; at; at = strchr(at, '+') ? strchr(at, '+') + 1 : NULL) {
        const char *part = string_copy(ctx->arena, at, strcspn(at, "+")), *name = part;
        if (at > cpu && *part == 'v') name = string_format(ctx->arena, "x86-64-%s", part);
        const Level *level = find_level(ctx, name);
        if (!level) return false;
        if (strcmp(name, with_bf16) != 0) name = level->name; // not `native`
        int rank = rank_of(level, name), i = 0;
        while (i < names->count && ranks[i] < rank) i++;
        if (i < names->count && ranks[i] == rank) continue;
        vec_push(ctx->arena, names, NULL);
        for (int k = names->count - 1; k > i; k--)
            names->data[k] = names->data[k - 1], ranks[k] = ranks[k - 1];
        names->data[i] = name, ranks[i] = rank;
    }
    return true;
}

static bool llvm_is_ours(Context *ctx) {
    unsigned major, minor, patch;
    LLVMGetVersion(&major, &minor, &patch);
    if (major == 19) return true;
    diagnose(ctx, WRONG_LLVM, NO_SPAN, (int)major, (int)minor);
    return false;
}

// LLVM and its C++ library abort where there is no memory, unless they are told otherwise; the C interface
// has no words for that.
void (*cxx_set_new_handler(void (*handler)(void)))(void) __asm__("_ZSt15set_new_handlerPFvvE");
void llvm_on_bad_alloc(void (*handler)(void *, const char *, bool),
                       void *data) __asm__("_ZN4llvm31install_bad_alloc_error_handlerEPFvPvPKcbES0_");

static void no_memory(void) { memory_exhausted(0); }

static void no_memory_for(void *data, const char *reason, bool crash) {
    (void)data, (void)reason, (void)crash;
    memory_exhausted(0);
}

static void on_fatal_error(const char *reason) { die("LLVM: %s", reason); }

static void take_over_errors(void) {
    static atomic_flag done = ATOMIC_FLAG_INIT; // LLVM takes each handler once in a process
    if (atomic_flag_test_and_set(&done)) return;
    cxx_set_new_handler(no_memory);
    llvm_on_bad_alloc(no_memory_for, NULL);
    LLVMInstallFatalErrorHandler(on_fatal_error);
}

Target *target_find(Context *ctx, const char *cpu, const char *triple) {
    if (!llvm_is_ours(ctx)) return NULL;
    take_over_errors();
    if (triple && (strncmp(triple, "x86_64-", 7) || !strstr(triple, "linux"))) {
        diagnose(ctx, UNKNOWN_TARGET, NO_SPAN, triple);
        return NULL;
    }
    const Level *level = find_level(ctx, cpu ? cpu : "native");
    if (!level) return NULL;
    Target *t = arena_new(ctx->arena, Target);
    *t = (Target){.triple = "x86_64-unknown-linux-gnu",
                  .cpu = level->name,
                  .features = level->features,
                  .fused = level->fused,
                  .native = !cpu || !strcmp(cpu, "native")};
    t->machine = (Machine){.lanes = level->lanes, .registers = level->registers, .l1 = 40e3, .l2 = 1.4e6};
    if (cpu && !strcmp(cpu, with_bf16)) use_bf16(ctx, t);
    return t;
}

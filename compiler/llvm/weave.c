// Long chains of operations that do not need each other, woven: one operation of each in turn.
//
// A processor looks some hundred instructions ahead, of which a chain of fifty leaves it one to run at a
// time. In turn, it has as many as there are chains. Needs: the chains stand one after another at the end of
// one block, and none touches memory that another writes. Guarantees: the same values, of the same
// operations.
#include "llvm/emit.h"

// Shorter ones the processor sees beside each other by itself, and their values would only fill registers.
enum { LEAST_LONG = 24 };

void weave_open(Emitter *em, Weave *w) {
    w->block = LLVMGetInsertBlock(em->builder);
    w->ends[0] = LLVMGetLastInstruction(w->block);
    w->count = 0;
}

bool weave_is_full(const Emitter *em, const Weave *w) {
    return w->count == (em->kernels->machine.registers > 16 ? MOST_WOVEN : MOST_WOVEN / 2);
}

void weave_next(Emitter *em, Weave *w) {
    BasicBlock block = LLVMGetInsertBlock(em->builder);
    if (block != w->block) w->block = NULL;
    w->ends[++w->count] = LLVMGetLastInstruction(block);
}

static const char WAITS, STANDS;

static bool may_stand(const Table *state, Operand instruction) {
    for (int i = 0; i < LLVMGetNumOperands(instruction); i++)
        if (table_get(state, LLVMGetOperand(instruction, (unsigned)i)) == &WAITS) return false;
    return true;
}

typedef VEC(Operand) Chain;

// The chains' instructions, taken out of their block.
static bool chains_of(Emitter *em, const Weave *w, Chain *chains, Table *state) {
    int longest = 0;
    for (int c = 0; c < w->count; c++) {
        Operand x = w->ends[c] ? LLVMGetNextInstruction(w->ends[c]) : LLVMGetFirstInstruction(w->block);
        for (; w->ends[c] != w->ends[c + 1] && x; x = LLVMGetNextInstruction(x)) {
            vec_push(em->arena, &chains[c], x);
            table_set(em->arena, state, x, &WAITS);
            if (x == w->ends[c + 1]) break;
        }
        if (chains[c].count > longest) longest = chains[c].count;
    }
    return longest >= LEAST_LONG;
}

void weave_close(Emitter *em, Weave *w) {
    Chain chains[MOST_WOVEN] = {0};
    int next[MOST_WOVEN] = {0}, left = 0;
    Table state = {0};
    if (!w->block || w->count < 2 || !chains_of(em, w, chains, &state)) return;
    for (int c = 0; c < w->count; c++) {
        left += chains[c].count;
        every (x, chains[c]) LLVMInstructionRemoveFromParent(x);
    }
    for (int c = 0; left; c = (c + 1) % w->count) {
        if (next[c] == chains[c].count || !may_stand(&state, chains[c].data[next[c]])) continue;
        Operand x = chains[c].data[next[c]++];
        LLVMInsertIntoBuilder(em->builder, x);
        table_set(em->arena, &state, x, &STANDS);
        left--;
    }
}

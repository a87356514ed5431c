// SIGINT, SIGTERM and SIGHUP (a terminal that goes away) while a run goes on: a thread waits for them, so
// that nothing global is needed, no call is interrupted, and a second one ends the process at once, whatever
// the others are doing. Needs: threads started before have these signals blocked (the pool's do). One that
// was ignored stays ignored.
#include "train/loop.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

static void *wait_for_them(void *data) {
    nn_signals *s = data;
    for (int number; sigwait(&s->set, &number) == 0;) {
        if (atomic_load(&s->leave)) break;
        if (number == SIGUSR2) continue;
        if (atomic_load(&s->number) != 0) _exit(128 + number);
        atomic_store(&s->number, number);
    }
    return NULL;
}

static bool ignored(int number) {
    struct sigaction now;
    return sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

nn_status nn_signals_begin(nn_context *ctx, nn_signals *s) {
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    sigemptyset(&s->set);
    for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++) {
        if (!ignored(numbers[k])) sigaddset(&s->set, numbers[k]);
    }
    // Sent to the thread alone, this one says that the run is over.
    sigaddset(&s->set, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &s->set, &s->before);
    int error = nn_thread_start(&s->thread, wait_for_them, s);
    if (error == 0) return NN_OK;
    pthread_sigmask(SIG_SETMASK, &s->before, NULL);
    return nn_fail(ctx, NN_MEMORY, "cannot start a thread: %s", strerror(error));
}

int nn_signals_end(nn_signals *s) {
    atomic_store(&s->leave, true);
    pthread_kill(s->thread, SIGUSR2);
    pthread_join(s->thread, NULL);
    pthread_sigmask(SIG_SETMASK, &s->before, NULL);
    return atomic_load(&s->number);
}

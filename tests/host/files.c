// One file under many hands. Usage: files saves PATH COUNT: two processes of two threads each save instances
// of their own to PATH, COUNT times in all, and load it again: each finds a whole file, and nothing else is
// left. files loads PATH COUNT: a file is loaded COUNT times while another process writes it over, cuts it
// and lengthens it in place.
#include "iris.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROOM = 1 << 20 };

typedef struct {
    const char *path;
    int count, lost;
} Saving;

static void *save_often(void *data) {
    Saving *s = data;
    iris *m = iris_create(NULL), *n = iris_create(NULL);
    for (int k = 0; k < s->count; k++) {
        int saved = iris_save(m, s->path), loaded = iris_load(n, s->path);
        if (saved != NN_OK || loaded != NN_OK) s->lost++;
    }
    iris_destroy(m);
    iris_destroy(n);
    return NULL;
}

static int saves(const char *path, int count) {
    Saving s[2] = {{path, count / 4, 0}, {path, count / 4, 0}};
    pthread_t threads[2];
    pid_t child = fork();
    int status = 0;
    for (int k = 0; k < 2; k++)
        if (pthread_create(&threads[k], NULL, save_often, &s[k]) != 0) return 1;
    for (int k = 0; k < 2; k++) pthread_join(threads[k], NULL);
    int lost = s[0].lost + s[1].lost;
    if (child == 0) _exit(lost > 0);
    waitpid(child, &status, 0);
    printf("%d saves, %s\n", count, lost == 0 && status == 0 ? "none lost" : "some lost");
    return lost != 0 || status != 0;
}

// Whole, cut to half, whole, longer by a page; the file keeps its number all the while.
static void rewrite(const char *path, const void *bytes, size_t size) {
    for (;;) {
        int file = open(path, O_WRONLY);
        if (file < 0 || ftruncate(file, 0) != 0 || write(file, bytes, size) != (ssize_t)size ||
            ftruncate(file, (off_t)size / 2) != 0 || pwrite(file, bytes, size, 0) != (ssize_t)size ||
            ftruncate(file, (off_t)size + 4096) != 0 || ftruncate(file, (off_t)size) != 0)
            _exit(1);
        close(file);
    }
}

static int loads(const char *path, int count) {
    static unsigned char bytes[ROOM], before[ROOM], after[ROOM];
    iris *m = iris_create(NULL);
    int whole = 0, wrong = 0, status;
    if (iris_save(m, path) != NN_OK) return 1;
    int file = open(path, O_RDONLY);
    ssize_t size = read(file, bytes, ROOM);
    close(file);
    iris_save_memory(m, before, ROOM, NULL);
    pid_t child = fork();
    if (child == 0) rewrite(path, bytes, (size_t)size);
    for (int k = 0; k < count; k++) {
        int got = iris_load(m, path);
        whole += got == NN_OK;
        wrong += got != NN_OK && got != NN_DATA && got != NN_FILE;
        iris_save_memory(m, after, ROOM, NULL);
        wrong += memcmp(before, after, (size_t)size) != 0;
    }
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    printf("%d loads, %d whole, %d wrong\n", count, whole, wrong);
    iris_destroy(m);
    return wrong != 0 || whole == 0 || WIFEXITED(status);
}

// Saves a new instance, or loads one and prints the file that it would save.
static int once(const char *what, const char *path) {
    static unsigned char bytes[ROOM];
    uint64_t size = 0;
    iris *m = iris_create(NULL);
    if (m == NULL) return NN_MEMORY;
    int status = strcmp(what, "save") == 0 ? (int)iris_save(m, path) : (int)iris_load(m, path);
    if (status != NN_OK) fputs(nn_status_text((nn_status)status), stderr);
    iris_save_memory(m, bytes, ROOM, &size);
    if (strcmp(what, "load") == 0 && (fwrite(bytes, 1, size, stdout) != size || fflush(stdout) != 0))
        status = NN_FILE;
    iris_destroy(m);
    return status;
}

int main(int argc, char **argv) {
    if (argc == 3) return once(argv[1], argv[2]);
    if (argc != 4) return 2;
    return (strcmp(argv[1], "saves") == 0 ? saves : loads)(argv[2], atoi(argv[3]));
}

// Where data files are looked for: --data, the working directory, the model file's own directory.
// Guarantees: the message for a missing file lists every place, and the package that has it, where one is
// known.
#include "data/data.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool join(char out[NN_PATH_ROOM], const char *a, const char *b, const char *c) {
    int n = snprintf(out, NN_PATH_ROOM, "%s%s%s%s%s", a, *a != '\0' ? "/" : "", b, *b != '\0' ? "/" : "", c);
    return n > 0 && n < NN_PATH_ROOM;
}

static bool executable_directory(char out[NN_PATH_ROOM]) {
    ssize_t n = readlink("/proc/self/exe", out, NN_PATH_ROOM - 1);
    if (n <= 0) return false;
    out[n] = '\0';
    char *slash = strrchr(out, '/');
    if (slash == NULL) return false;
    *slash = '\0';
    return true;
}

// Of the files that are read: for predictions those of the inputs, training part.
static bool names_one_file(const nn_model *m, const nn_data_request *request) {
    const char *only = NULL;
    const nn_manifest *mf = m->manifest;
    if (mf->data.file != 0) only = nn_model_text(m, mf->data.file);
    const nn_column *columns = NN_TABLE(m, nn_column, columns);
    for (uint32_t k = 0; k < mf->columns_count; k++) {
        const char *file = nn_model_text(m, columns[k].file);
        bool input = columns[k].for_input && columns[k].part == NN_TRAIN;
        bool other = request->all_rows && columns[k].part != NN_TRAIN;
        if (*file == '\0' || other || (request->inputs_only && !input)) continue;
        if (only != NULL && !nn_same(only, file)) return false;
        only = file;
    }
    return only != NULL;
}

// Which package has a file of this name, where one is known.
static void package_hint(nn_text *hint, const char *file) {
    const char *slash = strrchr(file, '/'), *name = slash == NULL ? file : slash + 1;
#define PACKAGE(packaged, package, folder)                                                                   \
    if (nn_same(name, packaged))                                                                             \
        nn_text_format(hint, "\n  Debian's package %s has the file %s: apt install %s, then --data %s",      \
                       package, packaged, package, folder);
#include "data/packages.def"
#undef PACKAGE
}

static nn_status no_directory(nn_context *ctx, const char *directory, const char *file) {
    nn_text hint;
    nn_text_begin(&hint, ctx);
    package_hint(&hint, file);
    nn_status status =
        nn_fail(ctx, NN_FILE, "cannot find the directory %s (--data)%s", directory, hint.bytes);
    nn_text_end(&hint);
    return status;
}

static nn_status not_found(nn_context *ctx, const nn_data_request *request, const char *file,
                           char looked[3][NN_PATH_ROOM], int count) {
    nn_text list, hint;
    nn_text_begin(&list, ctx);
    nn_text_begin(&hint, ctx);
    for (int k = 0; k < count; k++) nn_text_format(&list, "%s%s", k == 0 ? "" : ", ", looked[k]);
    package_hint(&hint, file);
    bool told = hint.length > 0 || request->path != NULL;
    nn_status status = nn_fail(ctx, NN_FILE, "cannot find the data file %s; looked for %s%s%s", file,
                               list.bytes, told ? "" : "\n  --data DIR says where the files are", hint.bytes);
    nn_text_end(&list);
    nn_text_end(&hint);
    return status;
}

nn_status nn_data_path(nn_context *ctx, const nn_model *m, const nn_data_request *request, const char *file,
                       char out[NN_PATH_ROOM]) {
    char looked[3][NN_PATH_ROOM], base[NN_PATH_ROOM];
    int count = 0;
    bool given = request->path != NULL && !nn_file_is_directory(request->path);
    if (given && *request->path == '\0')
        return nn_fail(ctx, NN_USAGE, "--data: expected the path of a directory or a file, found nothing");
    if (given && !names_one_file(m, request))
        return nn_file_exists(request->path)
                   ? nn_fail(ctx, NN_USAGE,
                             "--data %s: the data block names several files, so a directory is needed",
                             request->path)
                   : no_directory(ctx, request->path, file);
    file = given ? request->path : file;
    int32_t source = m->manifest->data.source;
    bool folder = source == NN_FROM_IMAGES || source == NN_FROM_SOUNDS || source == NN_FROM_CIFAR;
    if (!given && request->path != NULL && folder) { // beside the folder, or the folder itself
        if (file[0] != '/') count += join(looked[count], request->path, "", file);
        count += join(looked[count], "", "", request->path);
    } else if (given || file[0] == '/')
        count += join(looked[count], "", "", file);
    else if (request->path != NULL)
        count += join(looked[count], request->path, "", file);
    else {
        count += join(looked[count], "", "", file);
        if (request->beside != NULL) count += join(looked[count], request->beside, "", file);
        const char *way = nn_model_text(m, m->manifest->data.directory);
        if (executable_directory(base))
            count += join(looked[count], base, nn_same(way, ".") ? "" : way, file);
    }
    for (int k = 0; k < count; k++) {
        if (nn_file_exists(looked[k])) {
            strcpy(out, looked[k]);
            return nn_input_add(ctx, out);
        }
    }
    if (count == 0) return nn_fail(ctx, NN_FILE, "the path %.64s... is too long", file);
    return not_found(ctx, request, file, looked, count);
}

// A message's text as a person reads it before it is said: `…` stands for what the program will say there.
#ifndef NN_MESSAGE_H
#define NN_MESSAGE_H

#include <string.h>

// `out` has room for three bytes for each of the format, and one more.
static inline void message_read(char *out, const char *format) {
    for (; *format; format++) {
        if (*format != '%' || *++format == '%') {
            *out++ = *format;
            continue;
        }
        while (!strchr("sdcxgfu", *format)) format++;
        out = (char *)memcpy(out, "…", sizeof "…" - 1) + sizeof "…" - 1;
    }
    *out = 0;
}

#endif

// Dates and times as ISO 8601 writes them: 2024-02-29, 2024-02-29T13:45, 2024-02-29 13:45:07.25, with Z or an
// offset from UTC behind a time (+01:00, +0100, +01). Years are 0001 to 9999 of the Gregorian calendar.
// Guarantees: every date there is has its numbers, in 64 bits; what is none is an error with its place.
#include "data/data.h"

#include <math.h>
#include <stdio.h>

typedef struct {
    int64_t year, month, day;
    double seconds; // since midnight, in UTC: below 0 and above a day's where the offset leads to another day
} Date;

typedef struct {
    const char *at, *end;
} Cursor;

static bool take_sign(Cursor *c, char sign) {
    bool there = c->at < c->end && *c->at == sign;
    c->at += there;
    return there;
}

// Exactly so many digits, of a number below `limit`.
static bool take_digits(Cursor *c, int digits, int64_t limit, int64_t *out) {
    *out = 0;
    for (int k = 0; k < digits; k++, c->at++) {
        if (c->at == c->end || *c->at < '0' || *c->at > '9') return false;
        *out = *out * 10 + (*c->at - '0');
    }
    return *out < limit;
}

static double take_fraction(Cursor *c) {
    double value = 0, unit = 0.1;
    for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++, unit /= 10)
        value += (*c->at - '0') * unit;
    return value;
}

static bool take_offset(Cursor *c, double *seconds) {
    int64_t hours, minutes = 0;
    if (c->at == c->end || take_sign(c, 'Z')) return true;
    bool west = take_sign(c, '-');
    if ((!west && !take_sign(c, '+')) || !take_digits(c, 2, 24, &hours)) return false;
    if (c->at < c->end && (take_sign(c, ':'), !take_digits(c, 2, 60, &minutes))) return false;
    *seconds += (double)(hours * 3600 + minutes * 60) * (west ? 1 : -1);
    return true;
}

static bool take_time(Cursor *c, double *seconds) {
    int64_t hours, minutes, whole = 0;
    if (!take_digits(c, 2, 24, &hours) || !take_sign(c, ':') || !take_digits(c, 2, 60, &minutes))
        return false;
    bool to_seconds = take_sign(c, ':');
    if (to_seconds && !take_digits(c, 2, 60, &whole)) return false;
    *seconds = (double)(hours * 3600 + minutes * 60 + whole);
    if (to_seconds && (take_sign(c, '.') || take_sign(c, ','))) {
        const char *first = c->at;
        *seconds += take_fraction(c);
        if (c->at == first) return false;
    }
    return take_offset(c, seconds);
}

static int64_t days_of_month(int64_t year, int64_t month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap);
}

// `no_day`: it is written as a date, and the month has no such day.
static bool read_date(const nn_cell *cell, Date *d, bool *no_day) {
    Cursor c = {cell->text, cell->text + cell->length};
    *no_day = false;
    d->seconds = 0;
    if (!take_digits(&c, 4, 10000, &d->year) || d->year < 1 || !take_sign(&c, '-') ||
        !take_digits(&c, 2, 13, &d->month) || d->month < 1 || !take_sign(&c, '-') ||
        !take_digits(&c, 2, 32, &d->day) || d->day < 1)
        return false;
    bool timed = take_sign(&c, 'T') || take_sign(&c, ' ');
    if ((timed && !take_time(&c, &d->seconds)) || c.at != c.end) return false;
    *no_day = d->day > days_of_month(d->year, d->month);
    return !*no_day;
}

// From 1970-01-01 on. A year begins in March here, so that its last day is the one that may be missing.
static int64_t day_number(const Date *d) {
    int64_t year = d->year - (d->month < 3), month = (d->month + 9) % 12;
    int64_t in_year = (153 * month + 2) / 5 + d->day - 1;
    return year * 365 + year / 4 - year / 100 + year / 400 + in_year - 719468;
}

static double part_of(const Date *d, int part) {
    if (part == NN_DATE_YEAR) return (double)d->year;
    if (part == NN_DATE_MONTH) return (double)d->month;
    if (part == NN_DATE_DAY) return (double)d->day;
    int64_t days = day_number(d);
    // 1970 began on a Thursday; no date has more days before it than 719 600, which are whole weeks.
    return part == NN_DATE_WEEKDAY ? (double)((days + 3 + 719600) % 7) : (double)(days * 86400) + d->seconds;
}

nn_status nn_date_values(nn_context *ctx, const char *field, int part, const nn_csv *csv, nn_csv_want *want) {
    char expected[128];
    snprintf(expected, sizeof expected, "a date, 2024-02-29 or 2024-02-29T13:45:07 (field %.40s)", field);
    for (int64_t r = 0; r < csv->rows; r++) {
        const nn_cell *cell = &want->cells[r];
        Date d;
        bool no_day;
        if (read_date(cell, &d, &no_day))
            want->values[r] = part_of(&d, part);
        else if (want->missing_ok && nn_csv_missing(cell->text, cell->length))
            want->values[r] = (double)NAN;
        else
            return nn_cell_fail(ctx, csv, r, cell, expected, no_day ? ": the month has no such day" : "");
    }
    return NN_OK;
}

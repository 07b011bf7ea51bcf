#ifndef ORACLE_GRAMMAR_H
#define ORACLE_GRAMMAR_H

#include "base/str.h"

/*
 * What JSON is (RFC 8259), from a table, one byte at a time: what the scanner is held against. No
 * library decides here, since they differ, and differ again with the next version.
 */

enum grammar {
    GRAMMAR_REFUSED, /* also: no UTF-8, half a surrogate pair, nested deeper than `depth_max` */
    GRAMMAR_LOSSY,   /* JSON, but json-c forgets some of it: see grammar.c */
    GRAMMAR_KEPT,    /* JSON that json-c reads without a loss */
};

/* `depth_max` is at most GRAMMAR_DEPTH_MAX. */
enum { GRAMMAR_DEPTH_MAX = 1024 };

enum grammar grammar_check(struct str text, unsigned depth_max);

#endif

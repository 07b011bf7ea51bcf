/* Answers that depend on nothing but the person, written once and kept. */
#ifndef MOCKS_PAGE_H
#define MOCKS_PAGE_H

#include <stdatomic.h>
#include <stddef.h>

#include "doc.h"
#include "people.h"

struct pages {
    _Atomic(struct doc *) *slots;
    size_t count;
};

typedef void page_write_fn(
    struct doc *doc, const struct people *people, const struct person *person);

void pages_init(struct pages *pages, size_t count);
void pages_fini(struct pages *pages);

/* The person's page, written by `write` when it is asked for the first time. It lives as long as
 * `pages`. Any thread may ask. */
const struct doc *pages_get(struct pages *pages, const struct people *people,
    const struct person *person, page_write_fn *write);

#endif

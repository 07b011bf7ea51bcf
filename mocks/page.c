/*
 * A shelf of written answers, one place for each person.
 *
 * Owns the documents on it. It promises that a page never changes once it was given out: two
 * threads that write the same page at the same time write the same bytes, the first one's stays,
 * and the other throws its own away. So a mock under load copies bytes and writes no JSON.
 */
#include "page.h"

#include <stdio.h>
#include <stdlib.h>

static void *zeroed(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (!memory) {
        fputs("bff-mocks: out of memory\n", stderr);
        abort();
    }
    return memory;
}

static void page_free(struct doc *page)
{
    if (page)
        doc_fini(page);
    free(page);
}

void pages_init(struct pages *pages, size_t count)
{
    pages->slots = zeroed(count, sizeof *pages->slots);
    pages->count = count;
}

void pages_fini(struct pages *pages)
{
    for (size_t i = 0; i < pages->count; i++)
        page_free(atomic_load(&pages->slots[i]));
    free((void *)pages->slots);
    *pages = (struct pages){ 0 };
}

const struct doc *pages_get(struct pages *pages, const struct people *people,
    const struct person *person, page_write_fn *write)
{
    _Atomic(struct doc *) *slot = &pages->slots[person->index];
    struct doc *kept = atomic_load(slot);
    if (kept)
        return kept;

    struct doc *page = zeroed(1, sizeof *page);
    doc_init(page);
    write(page, people, person);
    if (atomic_compare_exchange_strong(slot, &kept, page))
        return page;
    page_free(page);
    return kept;
}

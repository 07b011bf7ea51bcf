/*
 * tokens: a bounded memory of verified tokens.
 *
 * Owns the entries, and a reference to the claims of each. Lookup is a hash table with chains;
 * which entry makes room is found by a clock hand that spares, once, whatever was asked for since
 * it last came by. Invariants: (1) an entry is in the chain of its token's bucket exactly when it
 * has claims; (2) an entry whose key has left the key set is never found, and is dropped when that
 * is noticed. Only good tokens are kept: bad ones cannot push them out.
 */
#include "tokens.h"

#include "../base/must.h"

#include <stdlib.h>

enum { NOWHERE = 0 }; /* entries are counted from 1 in chains */

struct entry {
    struct tokens_proof proof;
    struct claims *claims; /* NULL: free */
    uint32_t next;         /* in its bucket's chain */
    bool was_asked;        /* since the hand came by */
};

struct tokens {
    struct entry *entries; /* [1..count] */
    uint32_t count;
    uint32_t hand;
    uint32_t *buckets;
    uint32_t buckets_mask;
};

struct tokens *tokens_new(unsigned entries)
{
    uint32_t buckets = 1;
    while (buckets < entries) {
        buckets *= 2;
    }
    struct tokens *tokens = calloc(1, sizeof(*tokens));
    must(tokens != NULL);
    tokens->entries = calloc((size_t)entries + 1, sizeof(*tokens->entries));
    tokens->buckets = calloc(buckets, sizeof(*tokens->buckets));
    must(tokens->entries != NULL && tokens->buckets != NULL);
    tokens->count = entries;
    tokens->buckets_mask = buckets - 1;
    return tokens;
}

void tokens_free(struct tokens *tokens)
{
    if (!tokens) {
        return;
    }
    for (uint32_t i = 1; i <= tokens->count; i++) {
        claims_put(tokens->entries[i].claims);
    }
    free(tokens->entries);
    free(tokens->buckets);
    free(tokens);
}

/* The digest is as good as random already. */
static uint32_t *bucket_of(struct tokens *tokens, const unsigned char *token)
{
    uint32_t first;
    memcpy(&first, token, sizeof(first));
    return &tokens->buckets[first & tokens->buckets_mask];
}

static struct entry *entry_find(struct tokens *tokens, const unsigned char *token)
{
    for (uint32_t i = *bucket_of(tokens, token); i != NOWHERE; i = tokens->entries[i].next) {
        struct entry *entry = &tokens->entries[i];
        if (memcmp(entry->proof.token, token, SIGNATURE_SHA256_BYTES) == 0) {
            return entry;
        }
    }
    return NULL;
}

static void entry_drop(struct tokens *tokens, struct entry *entry)
{
    uint32_t own = (uint32_t)(entry - tokens->entries);
    uint32_t *at = bucket_of(tokens, entry->proof.token);
    while (*at != own) {
        at = &tokens->entries[*at].next;
    }
    *at = entry->next;
    claims_put(entry->claims);
    *entry = (struct entry){ 0 };
}

/* The next entry that is free or was not asked for; at most two rounds. */
static struct entry *entry_free(struct tokens *tokens)
{
    for (;;) {
        tokens->hand = tokens->hand % tokens->count + 1;
        struct entry *entry = &tokens->entries[tokens->hand];
        if (!entry->was_asked) {
            if (entry->claims) {
                entry_drop(tokens, entry);
            }
            return entry;
        }
        entry->was_asked = false;
    }
}

struct claims *tokens_find(struct tokens *tokens, const unsigned char token[SIGNATURE_SHA256_BYTES],
    const struct keyset *set, uint64_t generation)
{
    struct entry *entry = entry_find(tokens, token);
    if (!entry) {
        return NULL;
    }
    if (entry->proof.generation != generation) {
        if (!keyset_holds(set, entry->proof.key)) {
            entry_drop(tokens, entry);
            return NULL;
        }
        entry->proof.generation = generation;
    }
    entry->was_asked = true;
    return entry->claims;
}

void tokens_add(struct tokens *tokens, const struct tokens_proof *proof, struct claims *claims)
{
    if (tokens->count == 0) {
        return;
    }
    must(!entry_find(tokens, proof->token));
    struct entry *entry = entry_free(tokens);
    uint32_t *bucket = bucket_of(tokens, proof->token);
    *entry = (struct entry){ .proof = *proof, .claims = claims_take(claims), .next = *bucket };
    *bucket = (uint32_t)(entry - tokens->entries);
}

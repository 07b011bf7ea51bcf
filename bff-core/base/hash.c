/*
 * hash: keyed hashing and random bytes.
 *
 * Owns nothing. SipHash-2-4 is the reference algorithm over 64-bit little-endian words.
 */
#include "hash.h"

#include "must.h"

#include <endian.h>
#include <sys/random.h>

void hash_random(void *out, size_t len)
{
    size_t done = 0;
    while (done < len) {
        ssize_t got = getrandom((char *)out + done, len - done, 0);
        must(got > 0 || len == 0); /* the pool is seeded long before a server starts */
        done += (size_t)got;
    }
}

void hash_key_init(struct hash_key *key)
{
    hash_random(key, sizeof(*key));
}

static uint64_t rotate(uint64_t x, unsigned by)
{
    return x << by | x >> (64 - by);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

static void sip_word(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    sip_round(v);
    sip_round(v);
    v[0] ^= word;
}

uint64_t hash_str(const struct hash_key *key, struct str s)
{
    uint64_t v[4] = {
        key->k0 ^ 0x736f6d6570736575u,
        key->k1 ^ 0x646f72616e646f6du,
        key->k0 ^ 0x6c7967656e657261u,
        key->k1 ^ 0x7465646279746573u,
    };
    size_t whole = s.len & ~(size_t)7;
    for (size_t i = 0; i < whole; i += 8) {
        uint64_t word;
        memcpy(&word, s.at + i, 8);
        sip_word(v, le64toh(word));
    }
    uint64_t last = (uint64_t)s.len << 56;
    for (size_t i = whole; i < s.len; i++) {
        last |= (uint64_t)(unsigned char)s.at[i] << (8 * (i - whole));
    }
    sip_word(v, last);
    v[2] ^= 0xff;
    for (int i = 0; i < 4; i++) {
        sip_round(v);
    }
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

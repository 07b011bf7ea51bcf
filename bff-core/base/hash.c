/*
 * hash: keyed hashing and random bytes.
 *
 * Owns the process's secret, which is drawn once, and a small stock of random bytes for each
 * thread, so that an identifier seldom costs a system call. Promises that no byte of the stock is
 * given twice, and that one which was given is not kept. SipHash-1-3 is the reference algorithm
 * over 64-bit little-endian words.
 */
#include "hash.h"

#include "must.h"

#include <endian.h>
#include <pthread.h>
#include <sys/random.h>

enum { STOCK_BYTES = 256 }; /* getrandom() gives so many at once, whatever signals come */

struct stock {
    unsigned char bytes[STOCK_BYTES];
    size_t left;
};

static _Thread_local struct stock stock;

static void draw(void *out, size_t len)
{
    for (size_t done = 0, piece; done < len; done += piece) {
        piece = len - done < STOCK_BYTES ? len - done : STOCK_BYTES;
        /* The system's pool is seeded long before a server starts. */
        must(getrandom((char *)out + done, piece, 0) == (ssize_t)piece);
    }
}

void hash_random(void *out, size_t len)
{
    if (len > STOCK_BYTES) {
        draw(out, len);
        return;
    }
    if (stock.left < len) {
        draw(stock.bytes, STOCK_BYTES);
        stock.left = STOCK_BYTES;
    }
    stock.left -= len;
    memcpy(out, stock.bytes + stock.left, len);
    memset(stock.bytes + stock.left, 0, len);
}

static struct hash_key secret;

static void secret_draw(void)
{
    draw(&secret, sizeof(secret));
}

void hash_key_init(struct hash_key *key)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    must(pthread_once(&once, secret_draw) == 0);
    *key = secret;
}

static inline uint64_t rotate(uint64_t x, unsigned by)
{
    return x << by | x >> (64 - by);
}

struct sip {
    uint64_t a, b, c, d;
};

static inline struct sip sip_round(struct sip v)
{
    v.a += v.b;
    v.b = rotate(v.b, 13) ^ v.a;
    v.a = rotate(v.a, 32);
    v.c += v.d;
    v.d = rotate(v.d, 16) ^ v.c;
    v.a += v.d;
    v.d = rotate(v.d, 21) ^ v.a;
    v.c += v.b;
    v.b = rotate(v.b, 17) ^ v.c;
    v.c = rotate(v.c, 32);
    return v;
}

static inline struct sip sip_word(struct sip v, uint64_t word)
{
    v.d ^= word;
    v = sip_round(v);
    v.a ^= word;
    return v;
}

uint64_t hash_str(const struct hash_key *key, struct str s)
{
    struct sip v = {
        key->k0 ^ 0x736f6d6570736575u,
        key->k1 ^ 0x646f72616e646f6du,
        key->k0 ^ 0x6c7967656e657261u,
        key->k1 ^ 0x7465646279746573u,
    };
    size_t whole = s.len & ~(size_t)7;
    uint64_t word;
    for (size_t i = 0; i < whole; i += 8) {
        memcpy(&word, s.at + i, 8);
        v = sip_word(v, le64toh(word));
    }
    word = (uint64_t)s.len << 56;
    for (size_t i = whole; i < s.len; i++) {
        word |= (uint64_t)(unsigned char)s.at[i] << (8 * (i - whole));
    }
    v = sip_word(v, word);
    v.c ^= 0xff;
    v = sip_round(sip_round(sip_round(v)));
    return v.a ^ v.b ^ v.c ^ v.d;
}

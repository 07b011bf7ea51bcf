/*
 * Many threads on few buckets: exactly the burst is let through, whoever asks. A plain program, to
 * be run under ThreadSanitizer. Prints one line; exits with 1 when a count is wrong.
 */
#include "admit/quota.h"

#include <pthread.h>
#include <stdio.h>

enum { THREADS = 8, TRIES = 20000, BURST = 12345, CALLERS = 16, NOW_US = 1000000 };

static const struct quota_rule rule = { "user", 1, BURST };
static struct quota *quota;

/* The spine's part: not reached, because only quota_take is called here. */
enum step_verdict request_refuse(
    struct request *request, enum problem problem, const char *detail, ...)
{
    (void)request, (void)problem, (void)detail;
    return STEP_FAIL;
}

/*
 * One thread's counts; each thread asks for all callers, and gives back every seventh token it got.
 */
struct counts {
    unsigned kept[CALLERS];
};

static void *ask(void *context)
{
    struct counts *counts = context;
    struct limited limited;
    for (unsigned i = 0; i < TRIES * CALLERS; i++) {
        struct quota_caller caller = { i % CALLERS + 1 };
        if (!quota_take(quota, &rule, caller, NOW_US, &limited)) {
            continue;
        }
        if (i % 7 == 0) {
            quota_give_back(quota, &rule, caller);
        } else {
            counts->kept[i % CALLERS]++;
        }
    }
    return NULL;
}

int main(void)
{
    static struct counts counts[THREADS];
    pthread_t threads[THREADS];
    quota = quota_new(CALLERS * 7);
    for (int i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, ask, &counts[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    int wrong = 0;
    for (int c = 0; c < CALLERS; c++) {
        unsigned sum = 0;
        for (int i = 0; i < THREADS; i++) {
            sum += counts[i].kept[c];
        }
        wrong += sum != BURST;
    }
    wrong += quota_evictions(quota) != 0;
    quota_free(quota);
    printf(
        "threads/quota: threads=%d callers=%d burst=%d wrong=%d\n", THREADS, CALLERS, BURST, wrong);
    return wrong ? 1 : 0;
}

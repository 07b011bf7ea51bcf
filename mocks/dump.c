/*
 * The same answers without a socket.
 *
 * Owns the files of --dump: what the services would say to a feed of the demo user, for benches,
 * for tests of projection and for trying a shape offline. It asks the same routes that the ports
 * serve, so the two cannot drift apart.
 */
#include "dump.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "catalog.h"

enum { TIMELINE_POSTS = 20, PATH_BYTES = 4096, LIST_BYTES = TIMELINE_POSTS * 21 };

/* One question about the demo user: the file for its answer, and its query's one argument. */
struct plan {
    const char *file;
    enum catalog_place place;
    const char *path;
    const char *argument;
    const char *value;
};

static const char *plan_argument(void *source, const char *name)
{
    const struct plan *plan = source;
    return plan->argument && strcmp(plan->argument, name) == 0 ? plan->value : NULL;
}

static bool write_file(const char *dir, const char *file, const struct doc *doc)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s", dir, file);
    FILE *out = fopen(path, "wb");
    if (!out)
        return false;
    const bool is_written = fwrite(doc->bytes, 1, doc->len, out) == doc->len;
    return fclose(out) == 0 && is_written;
}

static bool write_answer(const struct people *people, const char *dir, struct plan *plan)
{
    struct pages pages;
    struct answer answer;
    struct question question = {
        .people = people, .pages = &pages, .argument = plan_argument, .source = plan
    };

    pages_init(&pages, people->count);
    route_answer(catalog[plan->place].routes, "GET", plan->path, &question, &answer);
    const bool is_written =
        answer.status == 200 && write_file(dir, plan->file, route_document(&answer));
    route_release(&answer);
    pages_fini(&pages);
    return is_written;
}

static void list_posts(const struct person *person, char list[LIST_BYTES])
{
    int len = 0;
    for (size_t nth = 0; nth < TIMELINE_POSTS; nth++)
        len += snprintf(list + len, (size_t)(LIST_BYTES - len), "%s%llu", nth ? "," : "",
            (unsigned long long)posts_id(person, nth));
}

bool dump_write(const struct people *people, const char *dir, char *why, size_t why_size)
{
    const struct person *demo = &people->all[0]; /* the subject "1001" of the paths below */
    char ids[LIST_BYTES];
    struct plan plans[] = {
        { "profile.json", CATALOG_PROFILES, "/v1/users/1001", NULL, NULL },
        { "posts.json", CATALOG_POSTS, "/v1/users/1001/timeline", "limit", "20" },
        { "recs.json", CATALOG_RECOMMENDATIONS, "/v1/users/1001/recommendations", NULL, NULL },
        { "unread.json", CATALOG_NOTIFICATIONS, "/v1/users/1001/counts", NULL, NULL },
        { "ads.json", CATALOG_ADS, "/v1/slots", "segment", demo->segment },
        { "stats.json", CATALOG_ANALYTICS, "/v1/posts/stats", "ids", ids },
    };

    list_posts(demo, ids);
    if (mkdir(dir, 0777) != 0 && errno != EEXIST) {
        snprintf(why, why_size, "The directory %s cannot be made: %s.", dir, strerror(errno));
        return false;
    }
    for (size_t i = 0; i < sizeof plans / sizeof *plans; i++)
        if (!write_answer(people, dir, &plans[i])) {
            snprintf(why, why_size, "%s/%s cannot be written.", dir, plans[i].file);
            return false;
        }
    return true;
}

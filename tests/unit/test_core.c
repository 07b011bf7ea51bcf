/* Where plans and shapes meet: who is required, and what neither room can say alone. */
#include "desk.h"

#include "base/must.h"
#include "core.h"
#include "fanout/plan.h"
#include "respond/shape.h"

#include <sys/stat.h>

static struct settings_service services[] = { { .name = "users" }, { .name = "posts" } };

static struct core core;
static struct settings settings;

static void open_core(void)
{
    desk_open();
    settings = (struct settings){
        .schemas = ".", .services = services, .services_count = countof(services)
    };
    cr_assert_eq(mkdir("mobile", 0700), 0);
    desk_write("service.json", "{}");
}

static void close_core(void)
{
    core_close(&core);
    desk_close();
}

TestSuite(core, .init = open_core, .fini = close_core);

static void prove(const struct bff_plan *plan)
{
    static struct bff_client client = { .name = "mobile", .plans_count = 1 };
    client.plans = plan;
    core_prove(&core, &client, &settings, &desk.faults);
}

#define SCHEMA(properties, required)                                                               \
    "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"type\":\"object\","           \
    "\"x-calls\":{\"me\":\"service.json\",\"news\":\"service.json\"},"                             \
    "\"required\":[" required "],\"properties\":{" properties "}}"

#define TEXT(name, from) "\"" name "\":{\"type\":\"string\",\"x-from\":\"" from "\"}"

/* A detached call stands where it likes; those behind it are the shape's as well. */
static const struct bff_plan feed = {
    .file = "plans.c",
    .line = 10,
    .name = "feed",
    .route = "GET /v1/feed",
    .calls = {
        { .as = "seen", .from = "posts", .post = "/seen/{me.id}", .is_detached = 1 },
        { .as = "me", .from = "users", .get = "/me" },
        { .as = "news", .from = "posts", .get = "/news" },
    },
    .shape = "mobile/feed.v1",
};

Test(core, who_is_required_follows_from_the_shape)
{
    desk_write("mobile/feed.v1.json",
        SCHEMA(TEXT("name", "me.name") "," TEXT("title", "news.title"), "\"name\""));
    prove(&feed);
    desk_expect(&desk.faults, "");
    cr_assert(core.plans[0].calls[1].is_required);
    cr_assert_not(core.plans[0].calls[0].is_required || core.plans[0].calls[2].is_required);
    cr_assert(shape_uses(core.shapes[0], 2) && !shape_uses(core.shapes[0], 0));
}

Test(core, both_rooms_read_the_same_answer)
{
    struct scanned me;
    struct buf body;
    desk_write("mobile/feed.v1.json", SCHEMA(TEXT("name", "me.name"), "\"name\""));
    prove(&feed);
    buf_init(&body, 1000);
    buf_append_str(&body, STR("{\"id\":7,\"name\":\"Zoe\",\"secret\":1}"));
    struct want *want = core.plans[0].calls[1].want;
    cr_assert_null(scan(want, buf_str(&body), &desk.arena, &me));
    cr_assert(str_eq(scanned_value(&me, want_path(want, STR("id"))).text, STR("7")));
    cr_assert(str_eq(scanned_value(&me, want_path(want, STR("name"))).text, STR("\"Zoe\"")));
    buf_release(&body);
}

Test(core, a_shape_names_no_detached_call)
{
    desk_write("mobile/feed.v1.json", SCHEMA(TEXT("name", "seen.name"), ""));
    prove(&feed);
    cr_assert_eq(desk.faults.count, 1);
    cr_assert(strstr(desk_sentences(&desk.faults), "\"seen\", which is no call of the plan"), "%s",
        desk_sentences(&desk.faults));
}

Test(core, a_plan_has_a_shape_that_can_be_read)
{
    struct bff_plan bare = feed;
    bare.shape = NULL;
    prove(&bare);
    desk_expect(&desk.faults, "plans.c:10: plan feed: there is no .shape; it names a file of ., "
                              "without its \".json\".\n");
    core_close(&core);
    faults_fini(&desk.faults);
    faults_init(&desk.faults);
    desk_write("mobile/fed.v1.json", "{}");
    prove(&feed);
    desk_expect(&desk.faults,
        "plans.c:10: plan feed: .shape \"mobile/feed.v1\" is the file ./mobile/feed.v1.json, which "
        "cannot be read; did you mean \"mobile/fed.v1\"?\n");
}

/* Its other mistakes would have no place. */
Test(core, a_plan_says_where_it_stands)
{
    static const struct bff_plan plans[] = { { .name = "lost", .route = "nowhere" },
        { .route = "nowhere", .shape = "mobile/feed.v1" } };
    static const struct bff_client client = {
        .file = "own/plans.c", .line = 30, .name = "mobile", .plans = plans, .plans_count = 2
    };
    core_prove(&core, &client, &settings, &desk.faults);
    desk_expect(&desk.faults,
        "own/plans.c:30: plan lost: BFF_HERE is missing. It stands first in the initializer and "
        "says where the plan is, for sentences like this one.\n"
        "own/plans.c:30: plan without a .name: BFF_HERE is missing. It stands first in the "
        "initializer and says where the plan is, for sentences like this one.\n");
}

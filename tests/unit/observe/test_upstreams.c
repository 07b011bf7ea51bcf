/* upstreams: what two workers see of two services, added up. */
#include "observe/upstreams.h"

#include "base/must.h"

#include <criterion/criterion.h>

static struct settings_host one[] = { { .url = "http://h:1", .weight = 1 } };
static struct settings_host two[] = { { .url = "http://h:2", .weight = 3 },
    { .url = "https://h/\"v1\"", .weight = 1 } };
static struct settings_service services[] = { { .name = "profiles", .hosts = { one, 1 } },
    { .name = "ads", .hosts = { two, 2 } } };
static struct settings settings = { .services = services, .services_count = 2 };

/* One worker's view; the second worker sees the same, twice as much of it. */
static struct upstream_host hosts[2][3];
static struct upstream_service shown[2][2];
static struct upstream upstreams[2];
static struct worker workers[2];
static struct core core = { .settings = &settings, .workers = workers, .workers_count = 2 };

static void open_workers(void)
{
    for (unsigned i = 0; i < 2; i++) {
        struct upstream_service *profiles = &shown[i][0], *ads = &shown[i][1];
        profiles->hosts = &hosts[i][0];
        ads->hosts = &hosts[i][1];
        counter_set(&profiles->in_flight, 1 + i);
        counter_set(&profiles->limit, 512);
        counter_set(&profiles->queued, 10 * (1 + i));
        counter_set(&ads->retries, 100 * (1 + i));
        counter_set(&ads->hedges, 7);
        counter_set(&ads->hedges_won, 2 + i);
        counter_set(&ads->refused_open, 3);
        counter_set(&ads->dropped[UPSTREAM_DROP_OPEN], 4 + i);
        counter_set(&ads->refused_full, 4);
        counter_set(&hosts[i][0].in_flight, 1 + i);
        counter_set(&hosts[i][1].ejections, 1 + i);
        counter_set(&hosts[i][2].state, i ? UPSTREAM_DOWN : UPSTREAM_HALF_OPEN);
        upstreams[i] = (struct upstream){ .services = shown[i], .services_count = 2 };
        counter_set(&upstreams[i].detached, 5);
        counter_set(&upstreams[i].detached_queued, i);
        workers[i].upstream = &upstreams[i];
    }
}

TestSuite(upstreams, .init = open_workers);

static const char *written(void)
{
    static struct buf out;
    struct exposition text = { .out = &out, .format = EXPOSITION_PROMETHEUS };
    buf_init(&out, 100000);
    upstreams_write(&core, &text);
    cr_assert_not(out.is_overfull);
    buf_append_char(&out, '\0');
    return out.data;
}

static void expect_lines(const char *const *lines, size_t count)
{
    const char *text = written();
    for (size_t i = 0; i < count; i++) {
        cr_expect(strstr(text, lines[i]) != NULL, "no \"%s\" in:\n%s", lines[i], text);
    }
}

Test(upstreams, are_summed_over_the_workers)
{
    static const char *const lines[] = {
        "\nbff_upstream_in_flight{service=\"profiles\"} 3\n",
        "\nbff_upstream_limit{service=\"profiles\"} 1024\n",
        "\nbff_upstream_queued{service=\"profiles\"} 30\n",
        "\nbff_upstream_retries_total{service=\"profiles\"} 0\n",
        "\nbff_upstream_retries_total{service=\"ads\"} 300\n",
        "\nbff_upstream_hedges_total{service=\"ads\"} 14\n",
        "\nbff_upstream_hedges_won_total{service=\"ads\"} 5\n",
        "\nbff_upstream_refused_open_total{service=\"ads\"} 6\n",
        "\nbff_upstream_refused_full_total{service=\"ads\"} 8\n",
        "\nbff_upstream_host_in_flight{service=\"profiles\",host=\"http://h:1\"} 3\n",
        "\nbff_upstream_ejections_total{service=\"ads\",host=\"http://h:2\"} 3\n",
        "\nbff_detached_dropped_total{service=\"profiles\",reason=\"open\"} 0\n",
        "\nbff_detached_dropped_total{service=\"ads\",reason=\"open\"} 9\n",
        "\nbff_detached_in_flight 10\n",
        "\nbff_detached_queued 1\n",
    };
    expect_lines(lines, countof(lines));
}

Test(upstreams, a_state_is_how_many_workers_see_it)
{
    static const char *const lines[] = {
        "host=\"http://h:2\",state=\"closed\"} 2\n",
        "host=\"http://h:2\",state=\"down\"} 0\n",
        "host=\"https://h/\\\"v1\\\"\",state=\"closed\"} 0\n",
        "host=\"https://h/\\\"v1\\\"\",state=\"half_open\"} 1\n",
        "host=\"https://h/\\\"v1\\\"\",state=\"down\"} 1\n",
    };
    expect_lines(lines, countof(lines));
}

Test(upstreams, a_worker_that_is_not_made_yet_counts_as_nothing)
{
    workers[1].upstream = NULL;
    static const char *const lines[] = { "\nbff_upstream_in_flight{service=\"profiles\"} 1\n",
        "host=\"http://h:1\",state=\"closed\"} 1\n" };
    expect_lines(lines, countof(lines));
}

Test(upstreams, are_members_of_their_service)
{
    struct buf out;
    buf_init(&out, 10000);
    buf_append_char(&out, '{');
    upstreams_members(&core, 1, &out);
    buf_append_str(&out, STR("}"));
    buf_append_char(&out, '\0');
    cr_assert_str_eq(out.data,
        "{\"in_flight\":0,\"limit\":0,\"queued\":0,\"retries\":300,\"moves\":0,\"hedges\":14,"
        "\"hedges_won\":5,"
        "\"refused_open\":6,\"refused_full\":8,"
        "\"dropped\":{\"queue\":0,\"late\":0,\"open\":9,\"full\":0},\"hosts\":["
        "{\"url\":\"http://h:2\",\"weight\":3,\"in_flight\":0,\"ejections\":3,\"workers\":"
        "{\"closed\":2,\"open\":0,\"half_open\":0,\"down\":0}},"
        "{\"url\":\"https://h/"
        "\\\"v1\\\"\",\"weight\":1,\"in_flight\":0,\"ejections\":0,\"workers\":"
        "{\"closed\":0,\"open\":0,\"half_open\":1,\"down\":1}}]}");
    buf_release(&out);
}

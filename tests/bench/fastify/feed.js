/*
 * The feed of bff-mobile, as somebody would write it for Fastify: undici's pools, one for each
 * service, every connection kept; the calls in two rounds by promises; JSON.parse to read; a
 * response schema, from which Fastify compiles the code that writes. Nothing is validated, no token
 * is looked at, nothing is logged.
 *
 * Numbers are doubles: ids of 64 bits lose their last digits, which bff-mobile keeps.
 *
 *     node feed.js PORT FIRST-OF-SIX-SERVICES
 */
import Fastify from "fastify";
import { Pool } from "undici";

const [port, services] = process.argv.slice(2).map(Number);
const TEXT_POINTS = 50;
const PHONE_WIDTH = 360;
const RECS = 3;

const pool = (nth) =>
    new Pool(`http://127.0.0.1:${services + nth}`, { connections: 512, pipelining: 1 });
const [profiles, posts, recommendations, notifications, ads, analytics] = [0, 1, 2, 3, 4, 5].map(
    pool,
);

/* ---- asking ---- */

async function get(service, path) {
    const { statusCode, body } = await service.request({ method: "GET", path });
    if (statusCode !== 200) {
        await body.dump();
        throw new Error(`${path}: ${statusCode}`);
    }
    return body.json();
}

const missing = () => undefined;

async function post(service, path, value) {
    const { body } = await service.request({
        method: "POST",
        path,
        headers: { "content-type": "application/json" },
        body: JSON.stringify(value),
    });
    await body.dump();
}

/* ---- the parts of schemas/mobile/feed.v1.json ---- */

/* The first TEXT_POINTS code points; the last becomes an ellipsis when there are more. */
function truncate(text) {
    if (text.length <= TEXT_POINTS) {
        return text; // as many UTF-16 units are at least as many code points
    }
    let cut = 0;
    for (let at = 0, points = 0; at < text.length; points++) {
        if (points === TEXT_POINTS - 1) {
            cut = at;
        } else if (points === TEXT_POINTS) {
            return text.slice(0, cut) + "…";
        }
        at += text.codePointAt(at) > 0xffff ? 2 : 1;
    }
    return text;
}

function imageOf(post) {
    const first = post.media?.[0];
    if (!first) {
        return undefined;
    }
    let nearest, distance;
    for (const variant of first.variants) {
        const off = Math.abs(variant.width - PHONE_WIDTH);
        if (nearest === undefined || off < distance) {
            nearest = variant;
            distance = off;
        }
    }
    return nearest && { url: nearest.url };
}

function meOf(profile) {
    return {
        name: profile.display_name,
        handle: profile.handle ?? undefined,
        avatar: profile.avatar?.small ?? undefined,
    };
}

function postsOf(timeline, stats) {
    const likes = new Map(stats?.items.map((item) => [item.post_id, item.likes]));
    return timeline.items.map((post) => ({
        id: post.id,
        at: post.created_at ?? undefined,
        by: post.author.display_name ?? post.author.handle,
        text: truncate(post.text),
        image: imageOf(post),
        likes: likes.get(post.id),
    }));
}

function adOf(answer) {
    const slot = answer?.slots[0];
    return (
        slot && {
            title: slot.title,
            by: slot.advertiser ?? undefined,
            click: slot.click_url,
            image: slot.image?.url ?? undefined,
        }
    );
}

const text = { type: "string" };
const number = { type: "number" };
const object = (properties) => ({ type: "object", properties });
const list = (items) => ({ type: "array", items });
const feed = object({
    me: object({ name: text, handle: text, avatar: text }),
    posts: list(
        object({
            id: number,
            at: text,
            by: text,
            text: text,
            image: object({ url: text }),
            likes: number,
        }),
    ),
    next: text,
    recs: list(object({ id: number, title: text })),
    unread: number,
    ad: object({ title: text, by: text, click: text, image: text }),
});

/* ---- the route ---- */

const app = Fastify({ logger: false });

app.get("/v1/feed", { schema: { response: { 200: feed } } }, async (request, reply) => {
    const user = "1001";
    const profile = get(profiles, `/v1/users/${user}`);
    const timeline = get(posts, `/v1/users/${user}/timeline?limit=20`);
    const optional = [
        get(recommendations, `/v1/users/${user}/recommendations`).catch(missing),
        get(notifications, `/v1/users/${user}/counts`).catch(missing),
        profile
            .then(({ segment }) => get(ads, `/v1/slots?segment=${encodeURIComponent(segment)}`))
            .catch(missing),
        timeline
            .then(({ items }) => {
                const ids = items.map((item) => item.id);
                const viewed = { kind: "viewed", client: "mobile", user, post_ids: ids };
                post(analytics, "/v1/events", viewed).catch(missing); // nobody waits for it
                return get(analytics, `/v1/posts/stats?ids=${ids.join(",")}`);
            })
            .catch(missing),
    ];
    try {
        const [me, page] = await Promise.all([profile, timeline]);
        const [recs, counts, slots, stats] = await Promise.all(optional);
        return {
            me: meOf(me),
            posts: postsOf(page, stats),
            next: page.cursors?.next ?? undefined,
            recs: recs?.items.slice(0, RECS).map(({ id, title }) => ({ id, title })),
            unread: counts?.unread ?? undefined,
            ad: adOf(slots),
        };
    } catch {
        return reply.code(502).send();
    }
});

await app.listen({ host: "127.0.0.1", port });

-- The feed of bff-mobile, as somebody would write it for nginx's lua module: the calls in two
-- rounds, cjson to read, a table for each part of schemas/mobile/feed.v1.json, cjson to write.
-- What is missing is left out, as there; nothing is validated.
--
-- cjson's numbers are doubles: ids of 64 bits lose their last digits, which bff-mobile keeps.

local cjson = require "cjson"

local TEXT_POINTS = 50
local PHONE_WIDTH = 360
local RECS = 3

-- A null is as good as missing.
local function present(value)
    if value ~= cjson.null then
        return value
    end
end

-- The first TEXT_POINTS code points; the last becomes an ellipsis when there are more.
local function truncate(text)
    local points, cut = 0, 0
    for at = 1, #text do
        local byte = text:byte(at)
        if byte < 0x80 or byte >= 0xC0 then
            points = points + 1
            if points == TEXT_POINTS then
                cut = at
            elseif points > TEXT_POINTS then
                return text:sub(1, cut - 1) .. "…"
            end
        end
    end
    return text
end

local function image_of(post)
    local media = present(post.media)
    local first = media and media[1]
    if not first then
        return nil
    end
    local url, nearest
    for _, variant in ipairs(first.variants) do
        local distance = math.abs(variant.width - PHONE_WIDTH)
        if not nearest or distance < nearest then
            url, nearest = variant.url, distance
        end
    end
    return url and { url = url }
end

local function me_of(profile)
    local avatar = present(profile.avatar)
    return {
        name = profile.display_name,
        handle = present(profile.handle),
        avatar = avatar and present(avatar.small),
    }
end

local function posts_of(timeline, stats)
    local likes = {}
    for _, item in ipairs(stats and stats.items or {}) do
        likes[item.post_id] = item.likes
    end
    local posts = {}
    for i, post in ipairs(timeline.items) do
        posts[i] = {
            id = post.id,
            at = present(post.created_at),
            by = present(post.author.display_name) or post.author.handle,
            text = truncate(post.text),
            image = image_of(post),
            likes = likes[post.id],
        }
    end
    return posts
end

local function recs_of(list)
    local recs = {}
    for i = 1, math.min(RECS, #list.items) do
        recs[i] = { id = list.items[i].id, title = list.items[i].title }
    end
    return recs
end

local function ad_of(ads)
    local slot = ads.slots[1]
    local image = slot and present(slot.image)
    return slot and {
        title = slot.title,
        by = present(slot.advertiser),
        click = slot.click_url,
        image = image and present(image.url),
    }
end

local function decoded(answer)
    return answer.status == 200 and cjson.decode(answer.body) or nil
end

local user = "1001"
local profile, timeline, recs, counts = ngx.location.capture_multi({
    { "/profiles/v1/users/" .. user },
    { "/posts/v1/users/" .. user .. "/timeline?limit=20" },
    { "/recommendations/v1/users/" .. user .. "/recommendations" },
    { "/notifications/v1/users/" .. user .. "/counts" },
})
profile, timeline = decoded(profile), decoded(timeline)
if not profile or not timeline then
    return ngx.exit(ngx.HTTP_BAD_GATEWAY)
end

local ids = {}
for i, post in ipairs(timeline.items) do
    ids[i] = string.format("%.0f", post.id)
end
ids = table.concat(ids, ",")
local ads, stats = ngx.location.capture_multi({
    { "/ads/v1/slots?segment=" .. ngx.escape_uri(profile.segment) },
    { "/analytics/v1/posts/stats?ids=" .. ids },
    { "/analytics/v1/events", {
        method = ngx.HTTP_POST,
        body = '{"kind":"viewed","client":"mobile","user":"' .. user .. '","post_ids":[' .. ids .. "]}",
    } },
})
recs, counts, ads, stats = decoded(recs), decoded(counts), decoded(ads), decoded(stats)

local cursors = present(timeline.cursors)
local body = cjson.encode({
    me = me_of(profile),
    posts = posts_of(timeline, stats),
    next = cursors and present(cursors.next),
    recs = recs and recs_of(recs),
    unread = counts and present(counts.unread),
    ad = ads and ad_of(ads),
})
ngx.header.content_length = #body
ngx.print(body)

/*
 * want: what is wanted of an answer, as a tree that a scan walks beside the body.
 *
 * Owns the tree, which lives in the arena of the boot. A path is read once; the same path has the
 * same number for ever, and its place in the rows does not move when other paths are added.
 * Each node has its members in a small hash table, so that a name in the body is found, or found
 * to be unwanted, by one look: how many members are wanted does not matter.
 * It does not know who wants a value (a shape, another call's question) nor what for.
 */
#include "text_hash.h"
#include "want.h"

#include "../base/must.h"

enum { NAME_MAX_BYTES = 255, TABLE_BITS_MAX = 11 };

static size_t node_add(struct want *want, struct want_node node)
{
    if (want->nodes_count == want->nodes_room) {
        size_t room = want->nodes_room ? want->nodes_room * 2 : 16;
        struct want_node *nodes = arena_zalloc(want->arena, room, sizeof(*nodes));
        if (want->nodes_count) {
            memcpy(nodes, want->nodes, want->nodes_count * sizeof(*nodes));
        }
        want->nodes = nodes;
        want->nodes_room = room;
    }
    want->nodes[want->nodes_count] = node;
    return want->nodes_count++;
}

static uint16_t list_add(struct want *want)
{
    if (want->lists_count == want->lists_room) {
        size_t room = want->lists_room ? want->lists_room * 2 : 8;
        uint16_t *strides = arena_zalloc(want->arena, room, sizeof(*strides));
        if (want->lists_count) {
            memcpy(strides, want->strides, want->lists_count * sizeof(*strides));
        }
        want->strides = strides;
        want->lists_room = room;
    }
    return (uint16_t)want->lists_count++;
}

static uint16_t slot_add(struct want *want, unsigned list)
{
    return want->strides[list]++;
}

/* The node of the elements of the list at `parent`: slot 0 of rows of their own. */
static size_t elements_of(struct want *want, size_t parent)
{
    if (!want->nodes[parent].elements) {
        uint16_t list = list_add(want);
        struct want_node node = { .list = list, .slot = slot_add(want, list) };
        uint16_t elements = (uint16_t)node_add(want, node);
        want->nodes[parent].elements = elements;
        want->nodes[parent].rows = slot_add(want, want->nodes[parent].list);
    }
    return want->nodes[parent].elements;
}

/* Hangs all members of `parent` into a new table of at least twice as many places. */
static void table_make(struct want *want, size_t parent)
{
    size_t count = 0;
    for (size_t i = want->nodes[parent].member; i; i = want->nodes[i].sibling) {
        count++;
    }
    unsigned bits = 1;
    while (bits < TABLE_BITS_MAX && (size_t)1 << bits < 2 * count) {
        bits++;
    }
    uint16_t *table = arena_zalloc(want->arena, (size_t)1 << bits, sizeof(*table));
    for (size_t i = want->nodes[parent].member; i; i = want->nodes[i].sibling) {
        struct want_node *member = &want->nodes[i];
        uint16_t *place = &table[text_hash(member->word, 64 - bits)];
        member->chain = *place;
        *place = (uint16_t)i;
    }
    want->nodes[parent].table = table;
    want->nodes[parent].shift = (uint8_t)(64 - bits);
}

static size_t member_of(struct want *want, size_t parent, struct str name)
{
    for (size_t i = want->nodes[parent].member; i; i = want->nodes[i].sibling) {
        if (str_eq(want->nodes[i].name, name)) {
            return i;
        }
    }
    /* text_word() reads eight bytes: those behind a short name are zero. */
    char *copy = arena_zalloc(want->arena, 1, name.len + 8);
    memcpy(copy, name.at, name.len);
    unsigned list = want->nodes[parent].list;
    struct want_node node = {
        .name = { copy, name.len },
        .word = text_word(copy, name.len),
        .list = (uint16_t)list,
        .slot = slot_add(want, list),
        .sibling = want->nodes[parent].member,
    };
    size_t member = node_add(want, node);
    want->nodes[parent].member = (uint16_t)member;
    table_make(want, parent);
    return member;
}

struct want *want_new(struct arena *arena)
{
    struct want *want = arena_zalloc(arena, 1, sizeof(*want));
    want->arena = arena;
    uint16_t list = list_add(want);
    node_add(want, (struct want_node){ .list = list, .slot = slot_add(want, list) });
    return want;
}

static bool is_name_byte(unsigned char c)
{
    return c >= 0x20 && !strchr(".[]\"\\", c);
}

/* Takes "items" off "items[*].id", then "[*]", then "id". False: what follows is no path. */
static bool path_cut(struct str *path, struct str *word)
{
    size_t len = 0;
    if (str_starts(*path, STR("[*]"))) {
        len = 3;
    } else {
        while (len < path->len && is_name_byte((unsigned char)path->at[len])) {
            len++;
        }
    }
    *word = (struct str){ path->at, len };
    *path = str_from(*path, len);
    bool is_last = path->len == 0;
    bool is_list = str_starts(*path, STR("["));
    bool is_object = str_starts(*path, STR(".")) && path->len > 1 && path->at[1] != '[';
    if (is_object) {
        *path = str_from(*path, 1);
    }
    return len > 0 && len <= NAME_MAX_BYTES && (is_last || is_list || is_object);
}

size_t want_path(struct want *want, struct str path)
{
    struct str rest = path, word;
    while (rest.len > 0) {
        if (!path_cut(&rest, &word)) {
            return SIZE_MAX;
        }
    }
    size_t node = 0;
    for (rest = path; rest.len > 0;) {
        if (want->nodes_count >= WANT_PATHS_MAX) {
            return SIZE_MAX;
        }
        path_cut(&rest, &word);
        bool is_element = str_eq(word, STR("[*]"));
        node = is_element ? elements_of(want, node) : member_of(want, node, word);
    }
    return node;
}

struct want_place want_place(const struct want *want, size_t path)
{
    must(path < want->nodes_count);
    return (struct want_place){ want->nodes[path].list, want->nodes[path].slot };
}

unsigned want_rows(const struct want *want, size_t path)
{
    must(path < want->nodes_count && want->nodes[path].elements);
    return want->nodes[path].rows;
}

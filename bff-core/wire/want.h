#ifndef WIRE_WANT_H
#define WIRE_WANT_H

#include "scan.h"

/*
 * The tree of what is wanted, as scan.c walks it. Only for want.c and scan.c; everyone else sees
 * scan.h. Nodes are named by their place in `nodes`; 0 is the whole body, and so "none" everywhere
 * else.
 */

struct want_node {
    struct str name;   /* of a member; { NULL, 0 } for the body and for elements */
    uint64_t word;     /* of the name, see text_word() */
    uint16_t list;     /* whose rows hold the note */
    uint16_t slot;     /* and where in a row */
    uint16_t elements; /* the node of this list's elements */
    uint16_t rows;     /* with elements: the slot that says which rows they are */
    uint16_t *table;   /* of members, by hash; NULL: no member is wanted */
    uint16_t chain;    /* the next member in the same place of the parent's table */
    uint16_t member;   /* the first member; */
    uint16_t sibling;  /* and the next member of the same parent */
    uint8_t shift;     /* 64 less the table's bits */
};

struct want {
    struct arena *arena;
    struct want_node *nodes;
    size_t nodes_count, nodes_room;
    uint16_t *strides; /* how many slots a row has, for each row list */
    size_t lists_count, lists_room;
};

#endif

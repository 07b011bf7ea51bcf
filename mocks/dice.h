/* Chance that is the same in every run: a small generator seeded by what it decides about. */
#ifndef MOCKS_DICE_H
#define MOCKS_DICE_H

#include <stdbool.h>
#include <stdint.h>

struct dice {
    uint64_t state;
};

/* Dice for one thing: the same pair of numbers rolls the same sequence for ever. */
struct dice dice_for(uint64_t about, uint64_t which);

uint64_t dice_roll(struct dice *dice);

/* A number from 0 to `sides` - 1. */
uint64_t dice_below(struct dice *dice, uint64_t sides);

/* True in `percent` of 100 rolls. */
bool dice_chance(struct dice *dice, unsigned percent);

#endif

/*
 * A splitmix64 generator (Steele, Lea, Flood: "Fast splittable pseudorandom number generators",
 * 2014).
 *
 * It owns no state but the caller's. It promises that the mock's data depends on ids alone, so that
 * a test may name a value and a dump stays valid. It is not for secrets: keys.c asks GnuTLS.
 */
#include "dice.h"

static uint64_t mixed(uint64_t z)
{
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

struct dice dice_for(uint64_t about, uint64_t which)
{
    return (struct dice){ mixed(about) ^ mixed(which + 0x632be59bd9b4e019u) };
}

uint64_t dice_roll(struct dice *dice)
{
    dice->state += 0x9e3779b97f4a7c15u;
    return mixed(dice->state);
}

uint64_t dice_below(struct dice *dice, uint64_t sides)
{
    return dice_roll(dice) % sides;
}

bool dice_chance(struct dice *dice, unsigned percent)
{
    return dice_below(dice, 100) < percent;
}

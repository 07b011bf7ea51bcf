#ifndef PLANS_H
#define PLANS_H

#include "bff.h"

extern const struct bff_client tv;

#endif

/* What `/_mock` answers: the way to break a service while it runs. */
#ifndef MOCKS_CONTROL_H
#define MOCKS_CONTROL_H

#include "route.h"

/* For a service's own port; the routes' owner is the service. */
extern const struct route control_routes[];

/* For the issuer's port, from where every service is in reach; the owner is any of the family. */
extern const struct route control_family_routes[];

#endif

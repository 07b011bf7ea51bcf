/* The posts service's pictures: given out, and taken in. */
#ifndef MOCKS_MEDIA_H
#define MOCKS_MEDIA_H

#include "route.h"

/* `GET /v1/media/{name}`: a picture of 300 KB, the same for the same name. */
void media_picture(const struct question *question, struct answer *answer);

/* `POST /v1/users/{id}/uploads`: how many bytes came, and their SHA-256. */
void media_upload(const struct question *question, struct answer *answer);

#endif

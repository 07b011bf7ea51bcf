/*
 * flow_seen: what the flow tests saw of the servers, for whoever judges it.
 *
 * Writes each answer into a file of its own in the folder that BFF_SEEN names: client, method,
 * target, status and content type in the first line, then the body. Without such a folder it writes
 * nothing. Judges nothing: tests/seen does, once all tests are over.
 */
#include "flow_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void flow_saw(const char *method, const char *target, const struct flow_answer *answer)
{
    const char *folder = getenv("BFF_SEEN"), *type = flow_field(answer, "Content-Type");
    char path[4096];
    if (!folder) {
        return;
    }
    snprintf(path, sizeof(path), "%s/flow-XXXXXX", folder);
    FILE *file = fdopen(mkstemp(path), "w");
    cr_assert_not_null(file, "%s cannot be written", path);
    fprintf(
        file, "%s %s %s %u %s\n", flow_client(), method, target, answer->status, type ? type : "");
    fwrite(answer->body.data, 1, answer->body.len, file);
    cr_assert_eq(fclose(file), 0);
}

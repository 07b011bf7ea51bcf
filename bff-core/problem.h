#ifndef PROBLEM_H
#define PROBLEM_H

/* Every way to be refused; the rows are in problem.def. */
enum problem {
    PROBLEM_NONE,
#define PROBLEM(name, status, slug, title) PROBLEM_##name,
#include "problem.def"
#undef PROBLEM
    PROBLEM_COUNT
};

/* A problem's type on the wire: this, and the row's slug. */
#define PROBLEM_TYPE "urn:problem-type:bff:"

struct problem_row {
    unsigned status; /* 0: no answer is sent */
    const char *slug;
    const char *title;
};

/* The row of a problem; of PROBLEM_NONE: status 200, slug "". Static storage. */
const struct problem_row *problem_row(enum problem problem);

#endif

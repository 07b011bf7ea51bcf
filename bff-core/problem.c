/*
 * problem: the table behind problem.def.
 *
 * Owns the rows. Which problem applies is decided by the step that finds it; how it looks on the
 * wire is encode's business.
 */
#include "problem.h"

#include "base/must.h"

static const struct problem_row rows[PROBLEM_COUNT] = {
    [PROBLEM_NONE] = { 200, "", "" },
#define PROBLEM(name, status, slug, title) [PROBLEM_##name] = { status, slug, title },
#include "problem.def"
#undef PROBLEM
};

const struct problem_row *problem_row(enum problem problem)
{
    must(problem < PROBLEM_COUNT);
    return &rows[problem];
}

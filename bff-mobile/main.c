/* bff-mobile: the plans of plans.c, served by bff-core. */
#include "plans.h"

int main(int argc, char **argv)
{
    return bff_main(argc, argv, &mobile);
}

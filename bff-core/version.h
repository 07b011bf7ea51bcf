#ifndef VERSION_H
#define VERSION_H

/* Of the whole family: in --version and bff_build_info. */
#define VERSION "0.1.0"

#endif

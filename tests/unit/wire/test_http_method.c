#include "wire/http_method.h"

#include <criterion/criterion.h>

TestSuite(http_method, .timeout = 20);

Test(http_method, a_name_and_its_method_lead_to_each_other)
{
    for (int i = HTTP_GET; i <= HTTP_DELETE; i++) {
        enum http_method found = HTTP_GET;
        cr_assert(http_method_named(str_of(http_method_name((enum http_method)i)), &found));
        cr_expect_eq((int)found, i);
    }
}

Test(http_method, other_names_are_of_none)
{
    const char *const others[] = { "", "get", "GETS", "GE", "OPTIONS", "TRACE", "CONNECT", "*" };
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
        enum http_method kept = HTTP_PATCH;
        cr_expect_not(http_method_named(str_of(others[i]), &kept), "%s", others[i]);
        cr_expect_eq(kept, HTTP_PATCH);
    }
}

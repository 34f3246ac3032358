load("@a//b.bzl", "c")
LIMIT = 3
def _impl(ctx):
    x = 1
    return []
cart_rule = rule(implementation = _impl)
cc_library(
    name = "cart",
    srcs = ["a.cc"],
)

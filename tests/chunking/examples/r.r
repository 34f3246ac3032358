scale_up <- function(x, eps = 1) {
  local <- 1
}
LIMIT = 3
add = function(a, b) a + b
glob <<- function() 1
setClass("Person", representation(name = "character"))
setMethod("show", "Person", function(object) 1)
setGeneric("area", function(s) 1)
Stack <- R6::R6Class("Stack", public = list(push = function(x) 1))
\(x) x
k <- \(x) x

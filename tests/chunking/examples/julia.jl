module Geo
const LIMIT = 3
struct Point{T}
  x::T
end
mutable struct Bag <: Base
end
abstract type Shape end
function area(p::Point)
  local y = 1
end
square(x) = x^2
Base.show(io::IO, p::Point) = 1
function Base.length(p) 1 end
macro twice(e)
 e
end
f(x::T) where T = 1
end

-module(shop).
-export([add/2]).
-define(LIMIT, 3).
-record(cart, {total}).
-type id() :: integer().
-spec add(integer(), integer()) -> integer().
add(A, 0) -> A;
add(A, B) ->
  X = 1,
  A + B.
run() -> ok.

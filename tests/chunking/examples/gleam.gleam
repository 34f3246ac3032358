import gleam/io
pub const limit = 3
pub type Cart { Cart(total: Int) }
type Id = Int
pub fn add(a: Int) -> Int {
  let x = 1
  a
}
@external(erlang, "a", "b")
pub fn ext(x: Int) -> Int

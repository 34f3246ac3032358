use core::a;
const LIMIT: u8 = 3;
struct Point { x: felt252 }
enum Color { Red }
trait Pay { fn pay(self: @Point); }
impl PayImpl of Pay { fn pay(self: @Point) { let y = 1; } }
mod inner { fn helper() {} }
fn main() { let x = 1; }

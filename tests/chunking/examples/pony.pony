use "a"
class Cart
  let total: U32 = 0
  new create() => None
  fun add(p: U32): U32 =>
    let y: U32 = 1
    p
  be pay() => None
actor Main
  new create(env: Env) => None
interface Pay
  fun pay()
trait T
primitive Red
struct S
type Color is (Red | None)

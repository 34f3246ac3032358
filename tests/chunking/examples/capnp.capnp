@0xdbb9ad1f14bf0b36;
struct User {
  id @0 :Text;
  enum Color { red @0; }
  struct Inner { x @0 :Int32; }
}
interface Users {
  get @0 (id :Text) -> (user :User);
}
enum State { on @0; }
const limit :Int32 = 3;
annotation foo(struct) :Text;

package a
import b.C
class Cart extends Base {
  static final int LIMIT = 3
  def total = 0
  Cart(int x) {}
  void add(int p) { def y = 1 }
  def pay() { 1 }
}
interface Payable { void pay() }
enum Color { RED }
def helper(x) { x + 1 }
String render(a) { a }
task deploy(type: Copy) { }
tasks.register("ship") { }

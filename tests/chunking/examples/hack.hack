<?hh
namespace A;
const int LIMIT = 3;
class Cart extends Base {
  const int MAX = 2;
  private int $total = 0;
  public function add(int $p): void { $y = 1; }
}
interface Pay { public function pay(): void; }
trait T { }
enum Color: int { RED = 1; }
function helper(int $x): int { return $x; }
type Id = int;
async function go(): Awaitable<void> {}

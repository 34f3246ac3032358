const LIMIT = 3;
local total = 0;
function add(a, b) { local x = 1; return a; }
class Cart extends Base {
  total = 0;
  constructor() {}
  function pay(x) {}
}
function Cart::more() {}
enum Color { Red }
table <- { };
helper <- function(x) { return x; }

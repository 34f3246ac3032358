module shop.cart;
import std.stdio;
enum LIMIT = 3;
struct Point { int x; this(int a) {} int len() { return x; } }
class Cart : Base { void add(int p) { int y = 1; } }
interface Payable { void pay(); }
enum Color { red }
alias Id = int;
T square(T)(T x) { return x * x; }
void main() {}
template Twice(T) { }
unittest { }

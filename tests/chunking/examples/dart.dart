import 'a.dart';
const limit = 3;
final int total = 3;
class Cart extends Base {
  int total = 0;
  static const max = 2;
  Cart(this.total);
  Cart.empty() : total = 0;
  factory Cart.of(x) => Cart(x);
  void add(int p) { var y = 1; }
  int get size => 1;
  set size(int v) {}
  bool operator ==(Object o) => true;
}
abstract class Payable { void pay(); }
mixin Logs { void log() {} }
extension Nice on String { String nice() => this; }
enum Color { red }
typedef Fn = void Function();
int square(int x) => x * x;
Future<void> main() async {}
int get answer => 42;

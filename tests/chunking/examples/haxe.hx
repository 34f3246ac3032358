package shop;
import a.B;
class Cart extends Base {
  static var LIMIT = 3;
  var total:Int;
  public function new() {}
  public function add(p:Int):Void { var y = 1; }
}
interface Pay { function pay():Void; }
enum Color { Red; }
typedef Point = { x:Int }
abstract Id(Int) { }

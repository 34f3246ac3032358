package shop {
  import a.B;
  public class Cart extends Base implements Pay {
    public static const LIMIT:int = 3;
    private var total:int;
    public function Cart() {}
    public function add(p:int):void { var y:int = 1; }
    public function get size():int { return 1; }
  }
}
interface Pay { function pay():void; }

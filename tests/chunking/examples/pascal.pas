unit Shop;
interface
const LIMIT = 3;
type
  TColor = (red, green);
  TCart = class(TObject)
  private
    FTotal: Integer;
  public
    constructor Create;
    procedure Add(p: Integer);
    function Total: Integer;
    property Size: Integer read FTotal;
  end;
  TPoint = record x: Integer; end;
var count: Integer;
function Square(x: Integer): Integer;
implementation
constructor TCart.Create;
begin
end;
procedure TCart.Add(p: Integer);
var y: Integer;
begin
  y := p;
end;
function Square(x: Integer): Integer;
begin
  Result := x;
end;
end.

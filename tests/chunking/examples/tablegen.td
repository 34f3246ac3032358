include "a.td"
class Reg<string n> {
  string Name = n;
}
def R0 : Reg<"r0">;
multiclass Pair<int x> { def a; def b; }
defm P : Pair<1>;
defset list<Reg> All = { def R1 : Reg<"a">; }
defvar limit = 3;
let X = 1 in { def R2 : Reg<"b">; }

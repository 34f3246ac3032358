package Shop is
   procedure Add (P : Integer);
   function Total return Integer;
   generic type T is private; package Lists is end Lists;
end Shop;
procedure Main is
begin
  null;
end Main;

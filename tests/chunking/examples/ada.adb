with Ada.Text_IO;
package body Shop.Cart is
   Limit : constant Integer := 3;
   type Color is (Red, Green);
   type Point is record X : Integer; end record;
   subtype Small is Integer range 1 .. 3;
   Bad : exception;
   procedure Add (P : Integer) is
      Y : Integer;
   begin
      null;
   end Add;
   function Total return Integer is
   begin
      return 1;
   end Total;
   task Worker is end Worker;
end Shop.Cart;

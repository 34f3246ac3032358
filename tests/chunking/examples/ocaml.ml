open Printf
let limit = 3
let add a b =
  let x = 1 in
  a + b
let rec loop n = loop n
and other n = n
type color = Red | Green
exception Bad of int
module Cart = struct
  type t = int
  let pay x = x
end
module type PAYABLE = sig val pay : int -> int end
class point x = object method len = x end
external ext : int -> int = "c_ext"
let () = print_endline "x"

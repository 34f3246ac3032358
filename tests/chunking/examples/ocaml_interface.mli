type t
val add : int -> int
module Cart : sig
  val pay : int -> int
end
exception Bad
module type S = sig end

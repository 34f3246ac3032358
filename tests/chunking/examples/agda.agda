module Shop where
open import Data.Nat
data Color : Set where
  red : Color
  green : Color
record Point : Set where
  field
    x : Nat
add : Nat -> Nat -> Nat
add a b = a
postulate ext : Nat

module Main where
import Prelude
data Color = Red | Green
newtype Id = Id Int
type Point = { x :: Int }
class Pay a where
  pay :: a -> Int
instance payCart :: Pay Cart where
  pay _ = 1
add :: Int -> Int -> Int
add a b = x
  where
  x = 1
foreign import ext :: Int

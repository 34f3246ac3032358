module Shop.Cart
open System
let limit = 3
let add a b =
    let x = 1
    a + b
let rec loop n = loop n
type Color = Red | Green
type Point = { X: int; Y: int }
type Cart(total: int) =
    let mutable t = total
    member this.Add(p) = t <- t + p
    static member Make() = Cart(1)
type IPay =
    abstract Pay: int -> int
module Inner =
    let helper x = x
exception Bad of string
[<Literal>]
let Max = 3

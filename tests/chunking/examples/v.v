module shop
import os
const limit = 3
const (
 a = 1
 b = 2
)
struct Point {
 x int
}
enum Color { red }
interface Pay { pay() }
type Id = int
fn add(a int) int {
 y := 1
 return a
}
pub fn (p Point) len() int { return 1 }
__global total int

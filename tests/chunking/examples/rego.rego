package shop.authz
import data.x
default allow = false
limit := 3
allow {
  input.user == "a"
}
add(a, b) = c {
  c := a + b
}
deny[msg] { msg := "x" }

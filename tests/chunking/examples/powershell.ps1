function Get-Rebate {
  param([string]$Name)
  $v = 1
}
filter Select-Odd { $_ }
class Cart {
  [int]$Total
  Cart() {}
  [void] Add([int]$p) { $x = 1 }
}
enum Color { Red }
$Limit = 3

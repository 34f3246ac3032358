namespace eval ::shop {
  variable total 0
  proc add {a b} {
    set x 1
  }
}
proc shop::run {} { return 1 }
set LIMIT 3
oo::class create Cart {
  method pay {x} { }
}

(module $m
  (func $add (param $a i32) (result i32) local.get $a)
)
(assert_return (invoke "add" (i32.const 1)) (i32.const 1))

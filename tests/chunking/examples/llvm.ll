%Point = type { i32 }
@limit = global i32 3
declare i32 @puts(ptr)
define i32 @add(i32 %a) {
entry:
  %x = add i32 %a, 1
  ret i32 %x
}

section .text
global _start
LIMIT equ 3
_start:
  mov eax, 1
  jmp done
done:
  ret

let g:limit = 3
function! s:Run(a) abort
  let l:x = 1
endfunction
function shop#Add()
endfunction
command! -nargs=1 Deploy call s:Run(<f-args>)

\ words
variable total
: square ( n -- n ) dup * ;
3 constant limit

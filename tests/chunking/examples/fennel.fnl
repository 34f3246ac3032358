(local limit 3)
(fn add [a b]
  (local x 1)
  x)
(fn M.pay [x] x)
(lambda safe [x] x)
(macro twice [e] e)
(var total 0)
(global g 1)

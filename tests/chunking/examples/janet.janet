(def limit 3)
(var total 0)
(defn add [a b]
  (def x 1)
  x)
(defn- secret [x] x)
(defmacro twice [e] e)
(varfn late [] 1)

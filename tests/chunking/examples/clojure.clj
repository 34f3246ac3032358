(ns shop.cart
  (:require [clojure.string :as str]))
(def limit 3)
(defn add
  "Adds."
  [a b]
  (let [x 1] x))
(defn- ^:private secret [x] x)
(defmacro twice [e] e)
(defprotocol Payable (pay [this]))
(defrecord Cart [total] Payable (pay [this] 1))
(defmulti area :shape)
(defmethod area :square [s] 1)
(def ^:dynamic *depth* 1)
(defonce db (atom {}))
(deftest add-test (is 1))
(s/defn checked :- int [x] x)
(comment (defn hidden [] 1))

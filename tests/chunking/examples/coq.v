Require Import Arith.
Definition limit := 3.
Lemma add_zero : forall n, n + 0 = n.
Proof.
  auto.
Qed.

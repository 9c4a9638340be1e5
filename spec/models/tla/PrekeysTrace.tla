---------------------------- MODULE PrekeysTrace ----------------------------
(* Prekeys with the name of each step beside it, so that a trace can be replayed on the relay's store. *)
EXTENDS Prekeys

VARIABLE step

Named(op, n, upto) == step' = [op |-> op, n |-> n, upto |-> upto]

TraceInit == Init /\ step = [op |-> "init", n |-> 0, upto |-> ""]

TraceNext ==
  \/ Upload /\ Named("upload", 0, "")
  \/ \E k \in 1..MaxKeys : Repeat(k) /\ Named("repeat", k, "")
  \/ \E n \in 1..2, upto \in {"asked", "one write", "two writes", "no mark", "done"} :
       Fetch(n, upto) /\ Named("fetch", n, upto)
  \/ \E upto \in {"written", "done"} : Start(upto) /\ Named("start", 0, upto)
  \/ Crash /\ Named("crash", 0, "")
  \/ Backup /\ Named("backup", 0, "")
  \/ Restore /\ Named("restore", 0, "")
  \/ LoseMark /\ Named("lose mark", 0, "")

TraceSpec == TraceInit /\ [][TraceNext]_<<vars, step>>
=============================================================================

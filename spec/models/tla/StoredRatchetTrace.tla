------------------------- MODULE StoredRatchetTrace -------------------------
(* StoredRatchet with the name of each step beside it, so that a trace can be replayed on core and store. *)
EXTENDS StoredRatchet

VARIABLE step

Named(op, m, text, upto) == step' = [op |-> op, m |-> m, text |-> text, upto |-> upto]

TraceInit == Init /\ step = [op |-> "init", m |-> 0, text |-> 0, upto |-> ""]

TraceNext ==
  \/ \E m \in Machines :
       \/ \E upto \in {"caught up", "begun", "done"} : Open(m, upto) /\ Named("open", m, 0, upto)
       \/ \E upto \in {"db", "done"} : Settle(m, upto) /\ Named("settle", m, 0, upto)
       \/ \E upto \in {"db", "done"} : Persist(m, upto) /\ Named("persist", m, 0, upto)
       \/ \E t \in Texts : Seal(m, t) /\ Named("seal", m, t, "")
       \/ Release(m) /\ Named("release", m, 0, "")
       \/ Close(m) /\ Named("close", m, 0, "")
       \/ Crash(m) /\ Named("crash", m, 0, "")
  \/ Backup /\ Named("backup", 0, 0, "")
  \/ Restore /\ Named("restore", 0, 0, "")
  \/ Clone /\ Named("clone", 0, 0, "")

TraceSpec == TraceInit /\ [][TraceNext]_<<vars, step>>
=============================================================================

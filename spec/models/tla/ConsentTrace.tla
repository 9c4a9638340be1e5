---------------------------- MODULE ConsentTrace ----------------------------
(* Consent with the name of each step beside it, so that a trace can be replayed on the rules of consent. *)
EXTENDS Consent

VARIABLE step

Nothing == [kind |-> "", seq |-> 0, by |-> ""]
Named(op, d, m) == step' = [op |-> op, d |-> d, m |-> m, kind |-> m.kind, column |-> Column("K")]

TraceInit == Init /\ step = [op |-> "init", d |-> "", m |-> Nothing, kind |-> "", column |-> "none"]

TraceNext ==
  \/ \E d \in Devices :
       \/ Accept(d) /\ Named("accept", d, Nothing)
       \/ Leave(d) /\ Named("leave", d, Nothing)
       \/ Say(d) /\ Named("say", d, Nothing)
       \/ \E order \in Orders(log) : Tell(d, order) /\ Named("tell", d, order)
  \/ \E k \in Desks, m \in log : Deliver(k, m) /\ Named("deliver", k, m)

TraceSpec == TraceInit /\ [][TraceNext]_<<vars, step>>
=============================================================================

----------------------------- MODULE PairTrace ------------------------------
(* Pair with the name of each step beside it, so that a trace can be replayed on e2ee.pair and e2ee.numbers. *)
EXTENDS Pair

VARIABLE step

Named(op, d, n) == step' = [op |-> op, d |-> d, n |-> n]

TraceInit == Init /\ step = [op |-> "init", d |-> "", n |-> 0]

TraceHostile ==
  /\ phase = "hostile"
  /\ \/ \E d \in Devices, t \in DOMAIN Texts : Write(d, t) /\ Named("write", d, t)
     \/ \E d \in Devices, t \in DOMAIN Texts : Send(d, t) /\ Named("send", d, t)
     \/ \E d \in Devices : \/ Ask(d) /\ Named("ask", d, 0)
                           \/ Silent(d) /\ Named("silent", d, 0)
                           \/ \E ahead \in {0, Skew} : Start(d, ahead) /\ Named("start", d, ahead)
                           \/ Lose(d) /\ Named("lose", d, 0)
                           \/ Copy(d) /\ Named("copy", d, 0)
                           \/ PutBack(d) /\ Named("put back", d, 0)
     \/ \E i \in DOMAIN log : \/ Deliver(i) /\ UNCHANGED at /\ Named("deliver", log[i].to, i)
                              \/ Refuse(i) /\ UNCHANGED at /\ Named("refuse", log[i].to, i)
     \/ Relent /\ Named("relent", "", 0)

TraceSearch(d) ==
  \/ Start(d, 0) /\ Named("start", d, 0)
  \/ Silent(d) /\ Named("silent", d, 0)
  \/ Replace(d) /\ Named("replace", d, 0)
  \/ AskOn(d) /\ Named("ask", d, 0)
  \/ Want(d) /\ Named("want", d, 0)

TraceHonest ==
  /\ phase = "honest" /\ fuel > 0
  /\ \/ \E d \in Devices, t \in DOMAIN Texts : Send(d, t) /\ Named("send", d, t)
     \/ /\ ~Waits /\ at < Len(log) /\ at' = at + 1
        /\ \/ Deliver(at + 1) /\ Named("deliver", log[at + 1].to, at + 1)
           \/ Refuse(at + 1) /\ Named("refuse", log[at + 1].to, at + 1)
     \/ ~Waits /\ at = Len(log) /\ \E d \in Devices : TraceSearch(d)

TraceSpec == TraceInit /\ [][TraceHostile \/ TraceHonest]_<<vars, step>>
=============================================================================

--------------------------- MODULE RelayQueueTrace --------------------------
(* RelayQueue with the name of each step beside it, so that a trace can be replayed on the relay's code. *)
EXTENDS RelayQueue

VARIABLE step

Named(op, n) == step' = [op |-> op, n |-> n]

TraceInit == Init /\ step = [op |-> "init", n |-> 0]

TraceNext ==
  \/ \E i \in Ids : Send(i) /\ Named("send", i)
  \/ \E n \in 1..Len(queue) : Flush(n) /\ Named("flush", n)
  \/ Fail /\ Named("fail", 0)
  \/ Recover /\ Named("recover", 0)
  \/ Answer /\ Named("answer", 0)
  \/ Pump /\ Named("pump", 0)
  \/ Connect /\ Named("connect", 0)
  \/ Take /\ Named("take", 0)
  \/ Ack /\ Named("ack", 0)
  \/ Tick /\ Named("tick", 0)
  \/ Crash /\ Named("crash", 0)
  \/ ClientCrash /\ Named("client crash", 0)

TraceSpec == TraceInit /\ [][TraceNext]_<<vars, step>>
=============================================================================

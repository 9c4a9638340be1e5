------------------------------ MODULE Consent ------------------------------
(* Consent of one room: two devices of the customer, a desk of the company, a relay that delivers what
   was ever sent, in any order, late and often.

   Variable   stands for                                                              rule
   minute     the time; the clock of device Q is ahead by a constant                  ACC-07
   cust       the two devices of the customer: the last number that each knows        CNS-09, CNS-19
              of the room, whether it has consent, what it has heard
   log        all that the customer has signed or written                             CNS-06, CNS-08
   desk       the desk: receipt and withdrawal with the highest numbers,         CNS-09, CNS-10
              all that ever came, contents that were taken and what had come then     CNS-13
   word, left: what the person did last, bounds *)
EXTENDS Naturals, FiniteSets

CONSTANTS MaxActs, MaxTexts, MaxTells, MaxMinute,
          Ahead,        \* minutes that the clock of Q is ahead
          Tombstones,   \* FALSE: a withdrawal of a room that is not known is dropped (against CNS-10)
          ByNumber,     \* FALSE: what came last counts (against CNS-09)
          TieWithdraws, \* FALSE: of one number the receipt counts (against CNS-09)
          Gate,         \* FALSE: after the first receipt content passes for ever (against CNS-13)
          Gives,        \* FALSE: a device numbers by its clock alone (against ACC-07)
          TakesOpen     \* FALSE: an open that a withdrawal has overtaken is refused (against CNS-10)

VARIABLES minute, cust, log, desk, word, left

vars == <<minute, cust, log, desk, word, left>>

Devices == {"P", "Q"}
Desks == {"K"}
Max(a, b) == IF a > b THEN a ELSE b
Highest(seqs) == IF seqs = {} THEN 0 ELSE CHOOSE n \in seqs : \A other \in seqs : other <= n
Receipts(set) == {m.seq : m \in {one \in set : one.kind \in {"open", "consent"}}}
Withdrawals(set) == {m.seq : m \in {one \in set : one.kind = "withdraw"}}
Orders(set) == {m \in set : m.kind # "text"}
Clock(d) == minute + IF d = "Q" THEN Ahead ELSE 0

Init ==
  /\ minute = 1
  /\ cust = [d \in Devices |-> [last |-> 0, yes |-> FALSE, told |-> {}]]
  /\ log = {}
  /\ desk = [k \in Desks |-> [receipt |-> 0, withdrawal |-> 0, newest |-> "none", came |-> {}, rows |-> {}]]
  /\ word = "none"
  /\ left = [acts |-> MaxActs, texts |-> MaxTexts, tells |-> MaxTells]

(* --- the customer --- *)
NextSeq(d) == IF Gives THEN Max(cust[d].last + 1, Clock(d)) ELSE Clock(d)

Signs(d, kind) ==
  LET order == [kind |-> kind, seq |-> NextSeq(d), by |-> d]
  IN /\ left.acts > 0 /\ left' = [left EXCEPT !.acts = @ - 1]
     /\ minute < MaxMinute /\ minute' = minute + 1
     /\ log' = log \cup {order}
     /\ cust' = [cust EXCEPT ![d] = [last |-> order.seq, yes |-> kind # "withdraw", told |-> @.told \cup {order}]]
     /\ word' = IF kind # "withdraw" THEN "yes" ELSE IF Orders(log) \subseteq cust[d].told THEN "no, of all" ELSE "no"
     /\ UNCHANGED desk

(* P opens the room; a device may consent again, to a newer notice or after it has left (CNS-17). *)
Accept(d) ==
  IF cust[d].last = 0 THEN d = "P" /\ Signs(d, "open") ELSE Signs(d, "consent")
Leave(d) == cust[d].yes /\ Signs(d, "withdraw")

(* A device hears what another one did in the room (CNS-19). *)
Tell(d, order) ==
  /\ left.tells > 0 /\ order \in Orders(log) \ cust[d].told
  /\ left' = [left EXCEPT !.tells = @ - 1]
  /\ LET known == cust[d]
         counts == order.seq > known.last \/ (order.seq = known.last /\ order.kind = "withdraw")
     IN cust' = [cust EXCEPT ![d] = [last |-> Max(known.last, order.seq), told |-> known.told \cup {order},
                                     yes |-> IF counts THEN order.kind # "withdraw" ELSE known.yes]]
  /\ UNCHANGED <<minute, log, desk, word>>

(* Content leaves a device that has consent (CNS-20). *)
Say(d) ==
  /\ left.texts > 0 /\ cust[d].yes
  /\ left' = [left EXCEPT !.texts = @ - 1]
  /\ log' = log \cup {[kind |-> "text", seq |-> left.texts, by |-> d]}
  /\ UNCHANGED <<minute, cust, desk, word>>

(* --- a desk --- *)
IsWithdrawn(k) ==
  LET of == desk[k]
  IN IF ~ByNumber THEN of.newest = "withdraw"
     ELSE of.withdrawal > 0 /\ (of.withdrawal > of.receipt \/ (TieWithdraws /\ of.withdrawal = of.receipt))

Column(k) ==
  IF desk[k].receipt = 0 THEN "none"
  ELSE IF IsWithdrawn(k) /\ Gate THEN "withdrawn" ELSE "open"

(* What the gate lets pass, by row and column (CNS-10, CNS-13, CNS-15). *)
Passes(k, kind, seq) ==
  CASE kind = "open" -> TakesOpen \/ seq > desk[k].withdrawal \/ ~ByNumber
    [] kind = "consent" -> Column(k) # "none"
    [] kind = "withdraw" -> Tombstones \/ Column(k) # "none"
    [] kind = "text" -> Column(k) = "open"

Last(what) == IF ByNumber THEN "none" ELSE what

After(of, m) ==
  CASE m.kind = "text" -> [of EXCEPT !.rows = @ \cup {[seq |-> m.seq, receipt |-> Highest(Receipts(of.came)),
                                                       withdrawal |-> Highest(Withdrawals(of.came))]}]
    [] m.kind = "withdraw" -> [of EXCEPT !.withdrawal = Max(@, m.seq), !.newest = Last("withdraw")]
    [] OTHER -> [of EXCEPT !.receipt = Max(@, m.seq), !.newest = Last("receipt")]

Came(of, m) == [of EXCEPT !.came = @ \cup {m}]
Taken(k, m) == \E row \in desk[k].rows : row.seq = m.seq
Delivered(k, m) ==
  LET came == Came(desk[k], m)
  IN IF ~Passes(k, m.kind, m.seq) \/ (m.kind = "text" /\ Taken(k, m)) THEN came ELSE After(came, m)

Deliver(k, m) ==
  /\ m \in log /\ Delivered(k, m) # desk[k]
  /\ desk' = [desk EXCEPT ![k] = Delivered(k, m)]
  /\ UNCHANGED <<minute, cust, log, word, left>>

Next ==
  \/ \E d \in Devices : Accept(d) \/ Leave(d) \/ Say(d) \/ \E order \in Orders(log) : Tell(d, order)
  \/ \E k \in Desks, m \in log : Deliver(k, m)

Spec == Init /\ [][Next]_vars

-----------------------------------------------------------------------------
Newest(set) == IF Highest(Withdrawals(set)) >= Highest(Receipts(set)) THEN "withdraw" ELSE "receipt"
Settled(k) == \A m \in Orders(log) : m \in desk[k].came /\ Delivered(k, m) = desk[k]

(* CNS-13: what is here of contents came when a receipt was here that stood above every withdrawal. *)
ConsentAtArrival == \A k \in Desks : \A row \in desk[k].rows : row.receipt > 0 /\ row.receipt > row.withdrawal
(* CNS-09, CNS-10: nothing passes that the highest number of all that came forbids. *)
NoneAfterWithdrawal ==
  \A k \in Desks : Column(k) = "open" => Newest(desk[k].came) = "receipt"
(* CNS-09: when all has come, and come again, every desk does what the highest number says. *)
OrderMeansNothing == \A k \in Desks : Settled(k) /\ log # {} => (Column(k) = "open") = (Newest(log) = "receipt")
(* ACC-07: a withdrawal made last, by a device that had heard of all before it, ends it, whatever clocks say. *)
KnownLastWordCounts == \A k \in Desks : Settled(k) /\ word = "no, of all" => Column(k) # "open"
(* The same of a device that had not: it holds while no clock is ahead. *)
LastWordCounts == \A k \in Desks : Settled(k) /\ word \in {"no", "no, of all"} => Column(k) # "open"
=============================================================================

--------------------------- MODULE RoomHeadTrace ----------------------------
(* RoomHead with the name of each step, and with what follows from the states beside them, so that a trace can be
   replayed on the rules of rooms. *)
EXTENDS RoomHead, Sequences

VARIABLES step, said, head, kept, new

shown == <<said, head, kept, new>>
RECURSIVE Listed(_, _)
Listed(set, of) == IF set = {} THEN <<>> ELSE <<<<Lowest(set), of[Lowest(set)]>>>> \o Listed(set \ {Lowest(set)}, of)

Said == Listed(DOMAIN verdict, verdict)
KeptNow == Kept(Now, Out)

Named(op, by) == step' = [op |-> op, by |-> by, kept |-> IF op = "show" /\ KeptNow THEN "kept" ELSE ""]
Changes == ~new /\ new' = TRUE /\ UNCHANGED <<said, head, kept>>

(* What follows from a step is a step of its own, so that TLC works it out for the one that it has chosen. *)
Shows ==
  /\ new /\ new' = FALSE /\ said' = Said /\ head' = HeadNow /\ kept' = KeptNow
  /\ UNCHANGED vars

TraceInit ==
  /\ Init /\ said = Said /\ head = HeadNow /\ kept = KeptNow /\ new = FALSE
  /\ step = [op |-> "init", by |-> "", kept |-> ""]

TraceNext ==
  \/ Shows /\ Named("show", "")
  \/ Changes /\ \E roster \in Rosters \cap {1, 2} : Honest(roster) /\ Named("write", "V")
  \/ /\ Changes /\ Hashes # DOMAIN states
     /\ \E d \in Hostiles, parent \in DOMAIN states \cup {0}, roster \in Rosters, hold, names \in BOOLEAN :
          \E h \in {Lowest(Hashes \ DOMAIN states), Highest(Hashes \ DOMAIN states)}, n \in Numbers(d) :
            (d = "X" \/ ~names) /\ Hostile(h, d, n, parent, roster, hold, names) /\ Named("write", d)
  \/ Changes /\ \E h \in DOMAIN states : Deliver(h) /\ Named("deliver", states[h].by)
  \/ Changes /\ \E roster \in Rosters : Learn(roster) /\ Named("learn", "")

TraceSpec == TraceInit /\ [][TraceNext]_<<vars, step, shown>>
=============================================================================

----------------------------- MODULE Transcript -----------------------------
(* Chains of one room: device L, which may fork, leave out, and begin anew; honest devices A and B; a relay that
   delivers what it likes, to whom it likes, in any order. An entry's hash is its place in the log.

   Variable   stands for                                                            rule
   log        all entries that were written: author, number, prev (0 for none),     TRN-02, TRN-05, TRN-06
              links, time; and what its author had then (view)
   here       the entries that A and B have; of two under one number the first      TRN-09
   claims     links of others to what is not here                                   TRN-13
   said       what each has linked                                                  TRN-06
   found      whether each had a finding                                            TRN-09 *)
EXTENDS Naturals, Sequences, FiniteSets

CONSTANTS MaxL, MaxHonest, Sents, Leap,
          Lies,         \* FALSE: L is honest too
          Links,        \* FALSE: entries name nothing of others (against TRN-06)
          NamesEnds,    \* FALSE: after a restart only the newest part is named (against TRN-06)
          ComparesPrev, \* FALSE: prev is compared with nothing (against TRN-09)
          ComparesLinks, \* FALSE: a link is compared with nothing that is here (against TRN-09)
          Restarts,     \* TRUE: L begins anew now and then, without prev (TRN-07)
          Alarms,       \* TRUE: what is missing is taken for a contradiction at once (against TRN-13)
          ByClock       \* TRUE: the order is that of the clocks (against TRN-16)

VARIABLES log, here, claims, said, found

vars == <<log, here, claims, said, found>>

Honest == {"A", "B"}
Numbers == 0..2
Hashes == DOMAIN log
Max(a, b) == IF a > b THEN a ELSE b
Of(d, set) == {h \in set : log[h].by = d}

Init ==
  /\ log = <<>> /\ here = [d \in Honest |-> {}] /\ claims = [d \in Honest |-> {}]
  /\ said = [d \in Honest |-> {}] /\ found = [d \in Honest |-> FALSE]

(* --- what a device has: an entry is closed when nothing below it is missing --- *)
RECURSIVE Closed(_, _)
Closed(h, set) ==
  \/ log[h].prev = 0
  \/ \E other \in Of(log[h].by, set) : log[other].n + 1 = log[h].n /\ Closed(other, set)
Whole(set) == {h \in set : Closed(h, set)}
Ends(set) ==
  {h \in Whole(set) : ~\E other \in Of(log[h].by, set) : log[other].n = log[h].n + 1 /\ log[other].prev # 0}
Named(d) ==
  LET ends == {h \in Ends(here[d]) : log[h].by # d}
      newest == {h \in ends : \A other \in Of(log[h].by, ends) : log[other].n <= log[h].n}
  IN IF ~Links THEN {} ELSE (IF NamesEnds THEN ends ELSE newest) \ said[d]

Gap(d) == claims[d] # {} \/ Whole(here[d]) # here[d]

(* --- writing --- *)
Entry(d, n, prev, seen, view, sent) == [by |-> d, n |-> n, prev |-> prev, seen |-> seen, view |-> view, sent |-> sent]

Write(d, sent) ==
  LET own == Of(d, here[d])
      last == CHOOSE h \in own \cup {0} : \A other \in own : other <= h
      view == {h \in Whole(here[d]) : log[h].by # d}
  IN /\ Cardinality(own) < IF d = "A" THEN MaxHonest ELSE 1
     /\ log' = Append(log, Entry(d, Cardinality(own), last, Named(d), view, sent))
     /\ here' = [here EXCEPT ![d] = @ \cup {Len(log) + 1}]
     /\ said' = [said EXCEPT ![d] = @ \cup Named(d)]
     /\ UNCHANGED <<claims, found>>

WriteL(n, prev, sent) ==
  LET own == Of("L", Hashes)
      follows == prev \in own /\ log[prev].n + 1 = n
      last == CHOOSE h \in own \cup {0} : \A other \in own : other <= h
  IN /\ Cardinality(own) < MaxL
     /\ IF Lies THEN (prev = 0 /\ (n = 0 \/ Restarts)) \/ follows
        ELSE prev = last /\ n = Cardinality(own)
     /\ log' = Append(log, Entry("L", n, prev, {}, {}, sent))
     /\ UNCHANGED <<here, claims, said, found>>

(* --- an entry comes (TRN-09) --- *)
At(d, of, n) == {h \in Of(of, here[d]) : log[h].n = n}
Contradicts(d, h) ==
  LET e == log[h]
  IN \/ \E other \in claims[d] \ {h} : log[other].by = e.by /\ log[other].n = e.n
     \/ /\ ComparesPrev
        /\ \/ e.prev # 0 /\ \E before \in Of(e.by, here[d]) : log[before].n + 1 = e.n /\ before # e.prev
           \/ \E after \in At(d, e.by, e.n + 1) : log[after].prev \notin {0, h}
     \/ /\ ComparesLinks
        /\ \E link \in e.seen : \E other \in (here[d] \cup claims[d]) \ {link} :
             log[other].by = log[link].by /\ log[other].n = log[link].n
Missing(d, h) == {link \in log[h].seen : At(d, log[link].by, log[link].n) = {}}

Deliver(d, h) ==
  /\ log[h].by # d /\ h \notin here[d]
  /\ IF At(d, log[h].by, log[h].n) # {}
     THEN /\ found' = [found EXCEPT ![d] = TRUE]
          /\ claims' = [claims EXCEPT ![d] = @ \ {h}]
          /\ UNCHANGED here
     ELSE /\ found' = [found EXCEPT ![d] = @ \/ Contradicts(d, h) \/ (Alarms /\ Missing(d, h) # {})]
          /\ here' = [here EXCEPT ![d] = @ \cup {h}]
          /\ claims' = [claims EXCEPT ![d] = (@ \cup Missing(d, h)) \ {h}]
  /\ UNCHANGED <<log, said>>

Next ==
  \/ \E sent \in Sents : \/ \E d \in Honest : Write(d, sent)
                         \/ \E n \in Numbers, prev \in Hashes \cup {0} : WriteL(n, prev, sent)
  \/ \E d \in Honest, h \in Hashes : Deliver(d, h)

Spec == Init /\ [][Next]_vars

-----------------------------------------------------------------------------
(* TRN-06, TRN-09, TRN-13: who hears from somebody that had an entry which is not here has a gap or a finding, or
   the other one had: no view parts from another unseen. *)
PartingShows ==
  \A d \in Honest : \A h \in here[d] :
    (log[h].by \in Honest \ {d} /\ \E one \in log[h].view : one \notin here[d] /\ log[one].by # d)
      => found[d] \/ Gap(d) \/ found[log[h].by]
(* Honest runs are quiet, whatever the relay does, and without a gap when all has come. *)
Quiet ==
  ~Lies => \A d \in Honest : ~found[d] /\ (here[d] = Hashes => ~Gap(d))

RECURSIVE Key(_, _)
Key(h, set) ==
  LET named == (log[h].seen \cup {log[h].prev}) \cap set
      before == IF named = {} THEN 0 ELSE CHOOSE k \in {Key(one, set) : one \in named} :
                                            \A one \in named : Key(one, set) <= k
      sent == log[h].sent
  IN IF ByClock THEN sent
     ELSE IF before < sent /\ sent <= before + Leap THEN sent ELSE before + 1
Before(one, other, set) ==
  Key(one, set) < Key(other, set) \/ (Key(one, set) = Key(other, set) /\ one < other)
(* TRN-16: whatever the clocks say, an entry comes after all that its author had. Hashes that are smaller for
   what is later would be worse than ours; so keys alone decide here. *)
Causal ==
  \A d \in Honest : here[d] = Hashes =>
    \A h \in here[d] : \A one \in log[h].view : Key(one, here[d]) < Key(h, here[d])
=============================================================================

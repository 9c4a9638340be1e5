--------------------------- MODULE StoredRatchet ----------------------------
(* The sending side of a session, its client store with the anchor, crashes at every write, an older copy of
   the database put back (rollback), and a copy of all files on a second machine (clone).

   Variable   stands for                                                           rule
   db         what a machine's database holds: the store's state and the session   STO-09, STO-20, SES-14
   anchor     the record beside the database                                       STO-14, STO-23
   machine    the running client: its session, what it sealed, what it may send    DR-04, SES-36
   image      a copy of the files, as a backup or a snapshot has it                STO-14
   made, net  envelopes that were sealed, envelopes that left the device           DR-05, DR-08
   nextinst, nextsess, copied, left: fresh names, whether a copy was ever put to use, bounds

   An envelope is [sess, n, text]: its message key is that of number n in session sess (DR-04), its salt is
   Salt(text). Randomness is the worst that can be: it repeats at every seal. A new session is always new. *)
EXTENDS Naturals, FiniteSets

CONSTANTS Texts, MaxSeals, MaxCrashes, MaxOpens, MaxBackups, MaxRestores, MaxClones,
          Hedged,       \* FALSE: the salt is the randomness alone (against DR-05)
          PersistFirst, \* FALSE: an envelope leaves before its state is stored (against STO-09, PQ-04)
          AnchorEach,   \* FALSE: the anchor is renewed at opening and closing only (anchor_every is large)
          Heeds,        \* FALSE: the client goes on with its sessions whatever the verdict (against STO-15)
          FileMarks,    \* FALSE: a copied file is not told from the original (against STO-23)
          CatchesUp,    \* FALSE: an opening that crashed is not made good first (against STO-14)
          WholeImage    \* TRUE: a copy is put back together with its anchor, into the same files

VARIABLES db, anchor, machine, image, made, net, nextinst, nextsess, copied, left

vars == <<db, anchor, machine, image, made, net, nextinst, nextsess, copied, left>>

Machines == {1, 2}
None == [sess |-> 0, n |-> 0, text |-> 0]
NoDb == [gen |-> 0, inst |-> 0, prev |-> 0, commits |-> 0, opened |-> 0, unsettled |-> "none",
         sess |-> 0, n |-> 0, out |-> None]
NoAnchor == [gen |-> 0, inst |-> 0, commits |-> 0, mark |-> 0]
Down == [phase |-> "down", verdict |-> "none", sess |-> 0, n |-> 0, sealed |-> None, out |-> None]
Mark(m) == IF FileMarks THEN m ELSE 0
Salt(text) == IF Hedged THEN text ELSE 0
Max(a, b) == IF a > b THEN a ELSE b

Init == \* a store that was created, got its first session, and was closed
  /\ db = [m \in Machines |-> IF m = 1 THEN [NoDb EXCEPT !.gen = 1, !.inst = 1, !.commits = 1, !.sess = 1]
                                       ELSE NoDb]
  /\ anchor = [m \in Machines |-> IF m = 1 THEN [gen |-> 1, inst |-> 1, commits |-> 1, mark |-> Mark(1)]
                                           ELSE NoAnchor]
  /\ machine = [m \in Machines |-> IF m = 1 THEN Down ELSE [Down EXCEPT !.phase = "absent"]]
  /\ image = [taken |-> FALSE, db |-> NoDb, anchor |-> NoAnchor]
  /\ made = {} /\ net = {} /\ nextinst = 2 /\ nextsess = 2 /\ copied = FALSE
  /\ left = [seals |-> MaxSeals, crashes |-> MaxCrashes, opens |-> MaxOpens, backups |-> MaxBackups,
             restores |-> MaxRestores, clones |-> MaxClones]

(* --- STO-14: the table, first match wins. Rows 1 and 2 (no commit, no anchor) do not occur here. --- *)
CrashedOpening(d, a) ==
  d.gen = a.gen + 1 /\ d.prev = a.inst /\ d.commits = d.opened /\ d.commits >= a.commits

Compared(d, a) ==
  IF CrashedOpening(d, a) THEN "continuous"
  ELSE IF d.gen < a.gen THEN "rolled back"
  ELSE IF d.gen > a.gen THEN "cloned"
  ELSE IF d.inst # a.inst THEN "cloned"
  ELSE IF d.commits < a.commits THEN "rolled back"
  ELSE "continuous"

Judged(d, a, mark) ==
  IF Compared(d, a) = "continuous" /\ a.mark # 0 /\ mark # 0 /\ a.mark # mark THEN "cloned"
  ELSE Compared(d, a)

Keeps(verdict) == ~Heeds \/ verdict = "continuous"

Position(d, mark) == [gen |-> d.gen, inst |-> d.inst, commits |-> d.commits, mark |-> mark]

(* An opening, up to its end or to a crash: after the anchor caught up, or after the database was written. *)
Open(m, upto) ==
  /\ machine[m].phase = "down" /\ left.opens > 0
  /\ upto # "done" => left.crashes > 0
  /\ LET d == db[m]
         a == anchor[m]
         judged == Judged(d, a, Mark(m))
         verdict == IF d.unsettled # "none" /\ judged = "continuous" THEN d.unsettled ELSE judged
         caught == IF CatchesUp /\ CrashedOpening(d, a) THEN Position(d, a.mark) ELSE a
         begun == [d EXCEPT !.gen = Max(d.gen, a.gen) + 1, !.inst = nextinst, !.prev = d.inst,
                            !.opened = d.commits,
                            !.unsettled = IF verdict = "continuous" THEN "none" ELSE verdict]
     IN /\ anchor' = [anchor EXCEPT ![m] = IF upto = "done" THEN Position(begun, Mark(m)) ELSE caught]
        /\ db' = [db EXCEPT ![m] = IF upto = "caught up" THEN d ELSE begun]
        /\ machine' = [machine EXCEPT ![m] =
             IF upto # "done" THEN Down
             ELSE [phase |-> "up", verdict |-> verdict, sess |-> d.sess, n |-> d.n,
                   sealed |-> None, out |-> d.out]]
        /\ nextinst' = IF upto = "caught up" THEN nextinst ELSE nextinst + 1
  /\ left' = [left EXCEPT !.opens = @ - 1, !.crashes = IF upto = "done" THEN @ ELSE @ - 1]
  /\ UNCHANGED <<image, made, net, nextsess, copied>>

(* A commit: one transaction, then the anchor where it is renewed with each; `upto` "db" crashes between. *)
Committed(m, d, upto) ==
  /\ upto # "done" => AnchorEach /\ left.crashes > 0
  /\ db' = [db EXCEPT ![m] = d]
  /\ anchor' = [anchor EXCEPT ![m] = IF AnchorEach /\ upto = "done" THEN Position(d, Mark(m)) ELSE @]
  /\ left' = [left EXCEPT !.crashes = IF upto = "done" THEN @ ELSE @ - 1]

(* STO-15, SES-32: all sessions are lost; a new one begins, and the verdict is settled with it. *)
Settle(m, upto) ==
  /\ machine[m].phase = "up" /\ ~Keeps(machine[m].verdict)
  /\ LET d == [db[m] EXCEPT !.commits = @ + 1, !.unsettled = "none", !.sess = nextsess, !.n = 0, !.out = None]
     IN /\ Committed(m, d, upto)
        /\ machine' = [machine EXCEPT ![m] =
             IF upto # "done" THEN Down
             ELSE [@ EXCEPT !.verdict = "continuous", !.sess = nextsess, !.n = 0, !.out = None]]
  /\ nextsess' = nextsess + 1
  /\ UNCHANGED <<image, made, net, nextinst, copied>>

(* DR-04, DR-05: the next message key; the state advances in memory only. *)
Seal(m, t) ==
  /\ machine[m].phase = "up" /\ Keeps(machine[m].verdict) /\ left.seals > 0
  /\ machine[m].sealed = None /\ machine[m].out = None
  /\ LET e == [sess |-> machine[m].sess, n |-> machine[m].n, text |-> t]
     IN /\ machine' = [machine EXCEPT ![m].sealed = e, ![m].n = @ + 1]
        /\ made' = made \cup {e}
  /\ left' = [left EXCEPT !.seals = @ - 1]
  /\ UNCHANGED <<db, anchor, image, net, nextinst, nextsess, copied>>

(* The advanced state and the envelope, in one commit (STO-09). *)
Persist(m, upto) ==
  /\ machine[m].sealed # None
  /\ LET d == [db[m] EXCEPT !.commits = @ + 1, !.n = machine[m].n, !.out = machine[m].sealed]
     IN /\ Committed(m, d, upto)
        /\ machine' = [machine EXCEPT ![m] =
             IF upto # "done" THEN Down
             ELSE [@ EXCEPT !.sealed = None, !.out = IF PersistFirst THEN d.out ELSE None]]
  /\ UNCHANGED <<image, made, net, nextinst, nextsess, copied>>

(* An envelope leaves; after a crash the stored one leaves again, byte for byte. *)
Release(m) ==
  /\ machine[m].phase = "up" /\ Keeps(machine[m].verdict)
  /\ LET e == IF PersistFirst \/ machine[m].out # None THEN machine[m].out ELSE machine[m].sealed
     IN /\ e # None
        /\ PersistFirst \/ machine[m].out # None \/ e \notin net
        /\ net' = net \cup {e}
  /\ machine' = [machine EXCEPT ![m].out = None]
  /\ UNCHANGED <<db, anchor, image, made, nextinst, nextsess, copied, left>>

Close(m) ==
  /\ machine[m].phase = "up" /\ machine[m].sealed = None
  /\ anchor' = [anchor EXCEPT ![m] = Position(db[m], Mark(m))]
  /\ machine' = [machine EXCEPT ![m] = Down]
  /\ UNCHANGED <<db, image, made, net, nextinst, nextsess, copied, left>>

Crash(m) ==
  /\ machine[m].phase = "up" /\ left.crashes > 0
  /\ left' = [left EXCEPT !.crashes = @ - 1]
  /\ machine' = [machine EXCEPT ![m] = Down]
  /\ UNCHANGED <<db, anchor, image, made, net, nextinst, nextsess, copied>>

Backup ==
  /\ left.backups > 0 /\ left' = [left EXCEPT !.backups = @ - 1]
  /\ image' = [taken |-> TRUE, db |-> db[1], anchor |-> anchor[1]]
  /\ UNCHANGED <<db, anchor, machine, made, net, nextinst, nextsess, copied>>

Restore == \* into the same files, so that the file mark stays
  /\ machine[1].phase = "down" /\ image.taken /\ left.restores > 0
  /\ left' = [left EXCEPT !.restores = @ - 1]
  /\ db' = [db EXCEPT ![1] = image.db]
  /\ anchor' = [anchor EXCEPT ![1] = IF WholeImage THEN image.anchor ELSE @]
  /\ copied' = TRUE
  /\ UNCHANGED <<machine, image, made, net, nextinst, nextsess>>

Clone == \* all files, on a second machine, whether the first one runs or not
  /\ machine[2].phase = "absent" /\ left.clones > 0
  /\ left' = [left EXCEPT !.clones = @ - 1]
  /\ db' = [db EXCEPT ![2] = db[1]] /\ anchor' = [anchor EXCEPT ![2] = anchor[1]]
  /\ machine' = [machine EXCEPT ![2] = Down]
  /\ copied' = TRUE
  /\ UNCHANGED <<image, made, net, nextinst, nextsess>>

Next ==
  \/ \E m \in Machines :
       \/ \E upto \in {"caught up", "begun", "done"} : Open(m, upto)
       \/ \E upto \in {"db", "done"} : Settle(m, upto) \/ Persist(m, upto)
       \/ \E t \in Texts : Seal(m, t)
       \/ Release(m) \/ Close(m) \/ Crash(m)
  \/ Backup \/ Restore \/ Clone

Spec == Init /\ [][Next]_vars

-----------------------------------------------------------------------------
Key(e) == <<e.sess, e.n>>

(* DR-05: no (message key, salt) ever seals two texts, not even in envelopes that never left. *)
NoKeyReuse == \A e, f \in made : Key(e) = Key(f) /\ Salt(e.text) = Salt(f.text) => e.text = f.text
(* DR-04 with STO-09, STO-14, STO-15: of one message key, one envelope leaves. *)
NoMessageKeyReuse == \A e, f \in net : Key(e) = Key(f) => e = f
(* STO-14: without a copy put to use, crashes alone never cost a session. *)
NoFalseAlarm == copied \/ \A m \in Machines : machine[m].verdict \in {"none", "continuous"}
=============================================================================

------------------------------ MODULE Prekeys -------------------------------
(* One-time prekeys of one device and type at a relay: crash at every write, an older database put back.

   Variable   stands for                                                           rule
   db         the relay's database: stock, highest id seen, count handed out       RLY-62, RLY-63
              its last start, and the one that the mark named before               RLY-166
   mark       count and start in the file beside it, or missing                    RLY-76, RLY-166
   up         whether the relay runs
   image      an older copy of database and mark                                   RLY-76
   made       the highest id that the owner has made; it never makes one twice     RLY-62
   given      keys that left to somebody, in order                                 RLY-63
   starts     how many starts there were: the name that the last one drew           RLY-166
   copied, burned, left: whether a copy was put back or the mark lost, whether stock was burned, bounds *)
EXTENDS Naturals, Sequences, FiniteSets

CONSTANTS MaxKeys, MaxFetches, MaxCrashes, MaxFails, MaxBackups, MaxRestores, MaxLosses,
          DeletesFirst,  \* FALSE: the key leaves before its deletion is committed (against RLY-63)
          MarksFirst,    \* TRUE: the mark is written before the database commits (against RLY-76)
          MarksInTime,   \* FALSE: the answer leaves before the mark is flushed (against RLY-76)
          Names,         \* FALSE: only the counts are compared (against RLY-166)
          Burns,         \* FALSE: a restored relay serves what it finds (against RLY-76)
          KeepsBack,     \* FALSE: a key leaves although the mark could not be written (against RLY-76)
          OwnerRepeats,  \* TRUE: the owner uploads keys again that it uploaded before
          WholeImage,    \* TRUE: the mark is put back together with the database
          Declares       \* TRUE: the operator says `sealroom-relay restored` after putting a copy back

VARIABLES db, mark, up, image, made, given, starts, copied, declared, burned, left

vars == <<db, mark, up, image, made, given, starts, copied, declared, burned, left>>

NoMark == [there |-> FALSE, handed |-> 0, start |-> 0]
MarkOf(base) == [there |-> TRUE, handed |-> base.handed, start |-> base.start]
Fresh == [stock |-> {}, high |-> 0, handed |-> 0, start |-> 1, previous |-> 0]
Max(a, b) == IF a > b THEN a ELSE b
Lowest(keys) == CHOOSE k \in keys : \A other \in keys : k <= other

RECURSIVE Taken(_, _)
Taken(stock, n) == \* the keys that n fetches get, in order of id; fewer when the stock runs out
  IF n = 0 \/ stock = {} THEN <<>> ELSE <<Lowest(stock)>> \o Taken(stock \ {Lowest(stock)}, n - 1)
Range(s) == {s[i] : i \in DOMAIN s}

Init ==
  /\ db = Fresh /\ mark = MarkOf(Fresh) /\ starts = 1
  /\ up = TRUE
  /\ image = [taken |-> FALSE, db |-> Fresh, mark |-> NoMark]
  /\ made = 0 /\ given = <<>> /\ copied = FALSE /\ declared = FALSE /\ burned = FALSE
  /\ left = [fetches |-> MaxFetches, crashes |-> MaxCrashes, fails |-> MaxFails, backups |-> MaxBackups,
             restores |-> MaxRestores, losses |-> MaxLosses]

(* The owner makes one more key; the relay takes it if its id is above all it has seen (RLY-62). *)
Uploaded(k) == db' = IF k > db.high THEN [db EXCEPT !.stock = @ \cup {k}, !.high = k] ELSE db

Upload ==
  /\ up /\ made < MaxKeys /\ made' = made + 1 /\ Uploaded(made + 1)
  /\ UNCHANGED <<mark, up, image, given, starts, copied, declared, burned, left>>

Repeat(k) ==
  /\ OwnerRepeats /\ up /\ k \in 1..made /\ k > db.high /\ Uploaded(k)
  /\ UNCHANGED <<mark, up, image, made, given, starts, copied, declared, burned, left>>

(* A group of n fetches: the database commits, the mark is flushed, the answers leave (RLY-63, RLY-76).
   `upto` says where the relay crashes: before anything is written, between the two writes, after both; or
   that the mark cannot be written ("no mark"); or that all goes well ("done"). *)
Fetch(n, upto) ==
  /\ up /\ n \in 1..left.fetches
  /\ upto \in {"asked", "one write", "two writes"} => left.crashes > 0
  /\ upto = "no mark" => left.fails > 0
  /\ LET keys == Taken(db.stock, n)
         after == [db EXCEPT !.stock = @ \ Range(keys), !.handed = @ + n]
         leaves == CASE upto = "done" -> TRUE
                     [] upto = "asked" -> ~DeletesFirst
                     [] upto = "one write" -> ~MarksInTime
                     [] upto = "two writes" -> FALSE
                     [] upto = "no mark" -> ~KeepsBack
     IN /\ db' = IF upto = "asked" \/ (upto = "one write" /\ MarksFirst) THEN db ELSE after
        /\ mark' = IF upto \in {"asked", "no mark"} \/ (upto = "one write" /\ ~MarksFirst) THEN mark
                   ELSE MarkOf(after)
        /\ given' = IF leaves THEN given \o keys ELSE given
  /\ up' = (upto \in {"done", "no mark"})
  /\ left' = [left EXCEPT !.fetches = @ - n, !.crashes = IF up' THEN @ ELSE @ - 1,
                          !.fails = IF upto = "no mark" THEN @ - 1 ELSE @]
  /\ UNCHANGED <<image, made, starts, copied, declared, burned>>

Crash ==
  /\ up /\ left.crashes > 0 /\ up' = FALSE /\ left' = [left EXCEPT !.crashes = @ - 1]
  /\ UNCHANGED <<db, mark, image, made, given, starts, copied, declared, burned>>

(* A start: compare, burn if the mark contradicts the database, draw a name, write both (RLY-76, RLY-166). *)
Restored ==
  \/ ~mark.there
  \/ mark.handed > db.handed
  \/ Names /\ mark.start \notin {db.start, db.previous}

Start(upto) ==
  /\ ~up
  /\ upto # "done" => left.crashes > 0
  /\ LET burn == Burns /\ (Restored \/ declared)
         handed == Max(db.handed, IF mark.there THEN mark.handed ELSE 0)
     IN /\ db' = [db EXCEPT !.stock = IF burn THEN {} ELSE @, !.handed = handed, !.start = starts + 1,
                            !.previous = IF mark.there THEN mark.start ELSE db.start]
        /\ starts' = starts + 1
        /\ burned' = (burned \/ burn)
        /\ mark' = IF upto = "done" THEN MarkOf(db') ELSE mark
  /\ up' = (upto = "done")
  /\ declared' = (declared /\ upto # "done")
  /\ left' = [left EXCEPT !.crashes = IF upto = "done" THEN @ ELSE @ - 1]
  /\ UNCHANGED <<image, made, given, copied>>

Backup ==
  /\ left.backups > 0 /\ left' = [left EXCEPT !.backups = @ - 1]
  /\ image' = [taken |-> TRUE, db |-> db, mark |-> mark]
  /\ UNCHANGED <<db, mark, up, made, given, starts, copied, declared, burned>>

Restore ==
  /\ ~up /\ image.taken /\ left.restores > 0 /\ left' = [left EXCEPT !.restores = @ - 1]
  /\ db' = image.db
  /\ mark' = IF WholeImage THEN image.mark ELSE mark
  /\ copied' = TRUE /\ declared' = (declared \/ Declares)
  /\ UNCHANGED <<up, image, made, given, starts, burned>>

LoseMark ==
  /\ ~up /\ left.losses > 0 /\ left' = [left EXCEPT !.losses = @ - 1]
  /\ mark' = NoMark /\ copied' = TRUE
  /\ UNCHANGED <<db, up, image, made, given, starts, declared, burned>>

Next ==
  \/ Upload \/ \E k \in 1..MaxKeys : Repeat(k)
  \/ \E n \in 1..2, upto \in {"asked", "one write", "two writes", "no mark", "done"} : Fetch(n, upto)
  \/ \E upto \in {"written", "done"} : Start(upto)
  \/ Crash \/ Backup \/ Restore \/ LoseMark

Spec == Init /\ [][Next]_vars

-----------------------------------------------------------------------------
(* RLY-63, RLY-76: no key leaves twice. *)
HandedOutOnce == \A i, j \in DOMAIN given : given[i] = given[j] => i = j
(* RLY-63: in order of id. *)
InOrder == \A i, j \in DOMAIN given : i < j => given[i] <= given[j]
(* RLY-63: what left is not in the stock of a relay that serves. *)
GoneFromStock == up => db.stock \cap Range(given) = {}
(* RLY-76: a crash alone never burns the stock. *)
NoFalseBurn == burned => copied
=============================================================================

------------------------------ MODULE RoomHead ------------------------------
(* The state in force of one room: honest supervisor V, supervisor X whom a roster suspends, desk D and agent A,
   all three hostile: they fork from anywhere, repeat numbers, date back, and choose hashes.

   Variable   stands for                                                               rule
   states     all states that were written, by hash: author, number, parent (0 is      ROOM-04, ROOM-05
              `open`), epoch, the roster that the author goes by, hold, what it names  ROOM-08, ROOM-12
   known      the states that one reader has, with its verdicts                        ROOM-10
   rosters    the rosters that it knows. 2 suspends X; 3 is made with a stolen key:    ACC-09, ROOM-28
              it suspends V and names X again; 4 is of the next mandate               ACC-27
   left       bounds *)
EXTENDS Naturals, FiniteSets

CONSTANTS MaxV, MaxX, MaxD, MaxA, Rosters,
          Delivers,        \* FALSE: the reader has each state at once
          Ranks,           \* FALSE: whoever is in force writes states and clears holds (against ROOM-05, ROOM-08)
          SuspendedVote,   \* TRUE: against ROOM-28
          SuspendedClear,  \* TRUE: a suspended supervisor's state clears a hold (against ROOM-27)
          ByLength,        \* TRUE: the longest branch counts (against ROOM-11)
          HoldsStand,      \* FALSE: only the head says whether there is a hold (against ROOM-27)
          JudgesOnce,      \* TRUE: what cannot be judged yet is refused (against ROOM-10)
          Forgets          \* TRUE: the first roster of a new mandate suspends nobody (against ACC-27)

VARIABLES states, known, verdict, rosters, left

vars == <<states, known, verdict, rosters, left>>

Authors == {"V", "X", "D", "A"}
Hashes == 1..(MaxV + MaxX + MaxD + MaxA)
RankBy == [V |-> <<3, 3, 0, 3>>, X |-> <<3, 0, 3, 0>>, D |-> <<2, 2, 2, 2>>, A |-> <<1, 1, 1, 1>>]
Rank(roster, d) == RankBy[d][roster]
Suspends(roster) == CASE roster = 1 -> {} [] roster = 2 -> {"X"} [] roster = 3 -> {"V"}
                      [] roster = 4 -> IF Forgets THEN {} ELSE {"X"}
Of(set) == IF 4 \in set THEN set \cap {4} ELSE set    \* the rosters of the newest mandate
Suspended(set) == UNION {Suspends(roster) : roster \in Of(set)}
Highest(set) == CHOOSE n \in set : \A other \in set : other <= n
Lowest(set) == CHOOSE n \in set : \A other \in set : n <= other

Init ==
  /\ states = [h \in {} |-> {}] /\ known = {} /\ verdict = [h \in {} |-> {}]
  /\ rosters = {1}
  /\ left = [V |-> MaxV, X |-> MaxX, D |-> MaxD, A |-> MaxA]

(* --- what a state is (ROOM-05 to ROOM-10) --- *)
HoldOf(h) == IF h = 0 THEN FALSE ELSE states[h].hold
EpochOf(h) == IF h = 0 THEN 0 ELSE states[h].epoch
RosterOf(h) == IF h = 0 THEN 0 ELSE states[h].roster
Allowed(h) ==
  LET s == states[h]
      rank == Rank(s.roster, s.by)
  IN /\ rank >= IF Ranks THEN 2 ELSE 1
     /\ s.roster >= RosterOf(s.parent)
     /\ (s.hold = HoldOf(s.parent)) \/ rank = 3 \/ ~Ranks

RECURSIVE Judged(_, _, _)
Judged(h, set, of) ==
  LET parent == states[h].parent
      held == IF JudgesOnce THEN "refused" ELSE "held"
      before == IF parent = 0 THEN "valid" ELSE IF parent \in set THEN Judged(parent, set, of) ELSE held
  IN IF before # "valid" THEN before
     ELSE IF states[h].roster \notin of THEN held
     ELSE IF Allowed(h) THEN "valid" ELSE "refused"

(* Verdicts that were given stay, but of what was held. *)
Again(set, of, old) ==
  [h \in set |-> IF h \in DOMAIN old /\ old[h] # "held" THEN old[h] ELSE Judged(h, set, of)]

(* --- the head (ROOM-11, ROOM-28) --- *)
RECURSIVE Path(_)
Path(h) == IF h = 0 THEN {} ELSE {h} \cup Path(states[h].parent)

Counted(valid, out) ==
  LET others == {h \in valid : states[h].by \notin out} IN IF others = {} THEN valid ELSE others
Newest(valid, out) == Highest({states[h].roster : h \in Counted(valid, out)})
Vote(d, valid) ==
  LET own == {h \in valid : states[h].by = d}
      last == {h \in own : \A other \in own : states[other].n <= states[h].n}
  IN Lowest(last)
(* How many supervisors, and desks, have their vote at or below each state: one number, supervisors first. *)
Tally(valid, out) ==
  LET newest == Newest(valid, out)
      gone == IF SuspendedVote THEN {} ELSE out
      able == {d \in Authors \ gone : Rank(newest, d) >= 2 /\ \E h \in valid : states[h].by = d}
      authors == {states[h].by : h \in {one \in Counted(valid, out) : states[one].roster = newest}}
      votes == {<<d, IF Rank(newest, d) = 3 THEN 10 ELSE 1, Path(Vote(d, valid))>> :
                d \in IF able # {} THEN able ELSE authors}
      Sum(h) == Cardinality({v \in votes : v[2] = 1 /\ h \in v[3]})
                + 10 * Cardinality({v \in votes : v[2] = 10 /\ h \in v[3]})
  IN [h \in valid |-> Sum(h)]

RECURSIVE Down(_, _)
Down(at, tally) ==
  LET below == {h \in DOMAIN tally : states[h].parent = at /\ tally[h] > 0}
      best == CHOOSE h \in below : \A o \in below : tally[h] > tally[o] \/ (tally[h] = tally[o] /\ h <= o)
  IN IF below = {} THEN at ELSE Down(best, tally)

Valid(verdicts) == {h \in DOMAIN verdicts : verdicts[h] = "valid"}
HeadOf(valid, out) ==
  IF valid = {} THEN 0
  ELSE IF ByLength
       THEN LET longest == {h \in valid : \A other \in valid : states[other].epoch <= states[h].epoch}
            IN Lowest(longest)
       ELSE Down(0, Tally(valid, out))

(* --- whether a hold stands (ROOM-27) --- *)
Setters(valid) ==
  LET all == {h \in valid : states[h].hold /\ ~HoldOf(states[h].parent)}
  IN {h \in all : h = Vote(states[h].by, {one \in all : states[one].by = states[h].by})}
Clears(s, setter, out) ==
  /\ ~states[s].hold /\ Rank(states[s].roster, states[s].by) = 3
  /\ SuspendedClear \/ states[s].by \notin out
  /\ setter \in states[s].names \/ setter \in Path(states[s].parent)
Kept(valid, out) ==
  LET head == HeadOf(valid, out)
      path == Path(head)
  IN \/ HoldOf(head)
     \/ HoldsStand /\ \E setter \in Setters(valid) : ~\E s \in path : Clears(s, setter, out)

(* --- steps --- *)
Written(h, s) ==
  /\ h \in Hashes \ DOMAIN states /\ left[s.by] > 0
  /\ left' = [left EXCEPT ![s.by] = @ - 1]
  /\ states' = [one \in DOMAIN states \cup {h} |-> IF one = h THEN s ELSE states[one]]
  /\ UNCHANGED rosters
  /\ IF Delivers THEN UNCHANGED <<known, verdict>>
     ELSE known' = known \cup {h} /\ verdict' = [one \in known |-> Judged(one, known, rosters)]'

(* V follows the head by all states and the roster that it knows, and never takes a hold back. *)
Honest(roster) ==
  LET out == Suspended(1..roster)
      seen == [one \in DOMAIN states |-> Judged(one, DOMAIN states, 1..roster)]
      head == HeadOf(Valid(seen), out)
      own == {one \in DOMAIN states : states[one].by = "V"}
  IN /\ left["V"] > 0 /\ roster >= RosterOf(head) /\ \A one \in own : states[one].roster <= roster
     /\ \E h \in Hashes, hold \in {TRUE, HoldOf(head)} :
          /\ (\E one \in own : states[one].hold) => hold
          /\ Written(h, [by |-> "V", n |-> Cardinality(own) + 1, parent |-> head, epoch |-> EpochOf(head) + 1,
                         roster |-> roster, hold |-> hold, names |-> {}])

(* The others write what they may, and A what it may not; X and D repeat a number. *)
Hostile(h, d, n, parent, roster, hold, names) ==
  /\ parent \in DOMAIN states \cup {0}
  /\ Rank(roster, d) >= IF Ranks THEN 2 ELSE 1
  /\ roster >= RosterOf(parent)
  /\ hold = HoldOf(parent) \/ Rank(roster, d) = 3 \/ ~Ranks
  /\ Written(h, [by |-> d, n |-> n, parent |-> parent, epoch |-> EpochOf(parent) + 1, roster |-> roster,
                 hold |-> hold, names |-> IF names THEN {one \in DOMAIN states : states[one].hold} ELSE {}])

Deliver(h) ==
  /\ h \in DOMAIN states \ known
  /\ known' = known \cup {h} /\ verdict' = Again(known', rosters, verdict)
  /\ UNCHANGED <<states, rosters, left>>

Learn(roster) ==
  /\ roster \in Rosters \ rosters
  /\ rosters' = rosters \cup {roster} /\ verdict' = Again(known, rosters', verdict)
  /\ UNCHANGED <<states, known, left>>

Hostiles == {"X", "D"} \cup IF MaxA > 0 THEN {"A"} ELSE {}
Numbers(d) == IF d = "D" THEN 1..MaxD ELSE {1}
Next ==
  \/ \E roster \in Rosters \cap {1, 2} : Honest(roster)
  \/ \E d \in Hostiles, parent \in DOMAIN states \cup {0}, roster \in Rosters, hold, names \in BOOLEAN :
       \E h \in Hashes, n \in Numbers(d) :
         (d = "X" \/ ~Ranks \/ ~names) /\ Hostile(h, d, n, parent, roster, hold, names)
  \/ \E h \in DOMAIN states : Deliver(h)
  \/ \E roster \in Rosters : Learn(roster)

Spec == Init /\ [][Next]_vars

-----------------------------------------------------------------------------
Now == Valid(verdict)
Out == Suspended(rosters)
HeadNow == HeadOf(Now, Out)

(* ROOM-10, ROOM-11: verdicts, so head and hold, are what they would be if all had come at once. *)
OrderMeansNothing ==
  \A h \in known : /\ verdict[h] = Judged(h, known, rosters)
                   /\ verdict[h] # "held" => verdict[h] = Judged(h, DOMAIN states, Rosters)
(* ROOM-05, ROOM-08: nobody below a steward wrote anything up to the head, nobody below a supervisor cleared. *)
NoRankGained ==
  LET path == Path(HeadNow)
  IN \A h \in path : LET rank == Rank(states[h].roster, states[h].by)
                     IN rank >= 2 /\ (HoldOf(states[h].parent) /\ ~states[h].hold => rank = 3)
(* ROOM-28: a suspended device's state is not the head, where anybody else has a vote. *)
SuspendedHasNoVote ==
  LET head == HeadNow
  IN (\E h \in Now : states[h].by \notin Out) => head = 0 \/ states[head].by \notin Out
(* ROOM-11: as the only supervisor in force V is followed, however long and many the others' branches are. *)
SupervisorIsFollowed ==
  (\E h \in Now : states[h].by = "V") /\ "V" \notin Out /\ Newest(Now, Out) = 2 => Vote("V", Now) \in Path(HeadNow)
(* ROOM-27: what V holds stays held for who knows that X is suspended. *)
HoldStays == 2 \in rosters /\ (\E h \in Now : states[h].by = "V" /\ states[h].hold) => Kept(Now, Out)
=============================================================================

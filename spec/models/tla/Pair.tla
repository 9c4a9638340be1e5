-------------------------------- MODULE Pair --------------------------------
(* Chapter 08: two devices that have met, a hostile relay, losses of state; then the relay is honest until all
   is at rest. A delivery may be of anything that was ever sent, in any order and any number of times.

   Variable   stands for                                                                     rule
   db         what each device stores: its sessions, search, numbers and texts
     sess       id, epoch, ours or theirs, proven; of the two sides' keys: which answer of     SES-36
                the peer it goes on (inst); the newest message opened on it (heard);
                which message was the last before it began (since), the top it is for          SES-27, SES-28
     known, met, wanted, top, cand, ask, doubt                                                 SES-21, SES-25, SES-26
     given, highest, missing, parted                                                           SES-29, SES-30
     rows, shown  texts of its own, and how often each of the peer's was shown                 SES-37, SES-11
     seen, taken, gen  messages opened, flights taken, generation of its prekeys               DR-12, HS-09, SES-32
   log        all that was sent; `at` is how far an honest relay has delivered it
   image      an older copy of each store;  torn: sessions whose two sides fell apart by one,
              and after which message
   made       how many sessions and answers there were: names for the next
   best       the best session that was active since the last loss                             SES-22
   early, moved   a text left before an answer; what did not authenticate changed something
   phase, fuel, left   hostile or honest, steps that an honest relay may take, bounds *)
EXTENDS Naturals, Sequences, FiniteSets

CONSTANTS Texts,          \* who writes which text: a sequence of devices
          MaxSessions, MaxMessages, MaxAsks, MaxLosses, MaxRollbacks, MaxFuel, MaxSendings,
          Losers,         \* whose store may be lost or set back
          Skew,           \* how far ahead a clock may date an epoch, beside the right one
          LowWins,        \* whether the older id stands for the smaller one where epochs are equal
          Answered,       \* FALSE: texts go on the newest session, answered or not (against SES-22, SES-37)
          Ranked,         \* FALSE: what came last is active (against SES-22, SES-23)
          OnceShown,      \* FALSE: a content id is not remembered (against SES-11)
          Stays,          \* FALSE: what does not authenticate drops the sessions (against SES-23)
          ThirdLeg,       \* FALSE: who proves its session says nothing on it (against SES-24)
          Numbered,       \* FALSE: a loss begins the numbers anew, the peer's count too (against SES-32)
          Told            \* FALSE: a sync does not tell the newest number (against SES-31)

VARIABLES db, log, at, image, torn, made, best, early, moved, phase, fuel, left

vars == <<db, log, at, image, torn, made, best, early, moved, phase, fuel, left>>

Devices == {"A", "B"}
OneEach == <<"A", "B">>  \* values of Texts
TwoOfA == <<"A", "A">>
NoTexts == <<>>
Other(d) == IF d = "A" THEN "B" ELSE "A"
Max(a, b) == IF a > b THEN a ELSE b
Gone == [kind |-> "gone"]
NoTop == [e |-> 0, id |-> 0]
Jump == 5
Own(d) == {t \in DOMAIN Texts : Texts[t] = d}

(* Sessions and their order. *)
Before(a, b) == \/ a.e > b.e
                \/ a.e = b.e /\ IF LowWins THEN a.id < b.id ELSE a.id > b.id
Proven(D) == {s \in D.sess : s.proven}
First(ss) == CHOOSE s \in ss : \A o \in ss \ {s} : Before(s, o)
Latest(ss) == CHOOSE s \in ss : \A o \in ss : o.since <= s.since
Active(D) == IF (IF Ranked THEN Proven(D) ELSE D.sess) = {} THEN NoTop
             ELSE LET s == IF Ranked THEN First(Proven(D)) ELSE Latest(D.sess) IN [e |-> s.e, id |-> s.id]
Has(D, id) == \E s \in D.sess : s.id = id
Get(D, id) == CHOOSE s \in D.sess : s.id = id
With(D, s) == [D EXCEPT !.sess = {o \in @ : o.id # s.id} \cup {s}]
Outranked(D, top) == top.id # 0 /\ ~Has(D, top.id) /\ (Active(D).id = 0 \/ Before(top, Active(D)))
Calm(D) == IF D.wanted /\ ~Outranked(D, D.top) THEN [D EXCEPT !.wanted = FALSE, !.top = NoTop] ELSE D
Without(D, gone) == [D EXCEPT !.sess = {s \in @ : s.id \notin gone}, !.cand = IF @ \in gone THEN 0 ELSE @]
Pending(D) == {s \in D.sess : s.ours /\ ~s.proven}

(* What d sends on a session of its own state. *)
Message(d, D, s, kind, text, ask) ==
  [kind |-> kind, to |-> Other(d), s |-> s.id, e |-> s.e, pk |-> s.pk, inst |-> s.inst,
   proof |-> ~s.ours \/ s.inst # 0, heard |-> s.heard, text |-> text, ask |-> ask,
   n |-> IF text = 0 THEN 0 ELSE D.rows[text].n, top |-> Active(D),
   given |-> IF Told THEN D.given ELSE 0, got |-> D.highest]

RECURSIVE Repeat(_, _)
Repeat(n, x) == IF n = 0 THEN <<>> ELSE Append(Repeat(n - 1, x), x)
Each(x) == Repeat(Len(Texts), x)  \* written out, as traces have to show it
Row == [state |-> "none", n |-> 0, on |-> 0, times |-> 0]
Common(d) == [id |-> 1, e |-> 1, ours |-> d = "A", proven |-> TRUE, inst |-> 1, heard |-> 0, since |-> 0,
              pk |-> 1, top |-> NoTop]
Fresh(d) == [sess |-> {Common(d)}, known |-> 1, wanted |-> FALSE, top |-> NoTop, cand |-> 0, ask |-> 0,
             doubt |-> FALSE, weekly |-> FALSE, given |-> 0, highest |-> 0, missing |-> {}, parted |-> FALSE,
             rows |-> Each(Row), shown |-> Each(0), seen |-> {},
             taken |-> {1}, gen |-> 1]

Init ==
  /\ db = [A |-> Fresh("A"), B |-> Fresh("B")] /\ image = db
  /\ log = <<>> /\ at = 0 /\ torn = [ids |-> {}, after |-> 0] /\ made = [sessions |-> 1, answers |-> 1]
  /\ best = [A |-> [e |-> 1, id |-> 1], B |-> [e |-> 1, id |-> 1]]
  /\ early = FALSE /\ moved = FALSE /\ phase = "hostile" /\ fuel = MaxFuel
  /\ left = [asks |-> MaxAsks, losses |-> MaxLosses, rollbacks |-> MaxRollbacks, sessions |-> MaxSessions]

Carries(D) == IF Answered THEN Active(D).id
              ELSE IF D.cand # 0 THEN D.cand ELSE Active(D).id
Sendable(d) == {t \in Own(d) : db[d].rows[t].state = "waits" /\ Carries(db[d]) # 0}
Waits == \E d \in Devices : Sendable(d) # {}
Better(d, D) == LET a == Active(D) IN IF a.id # 0 /\ Before(a, best[d]) THEN a ELSE best[d]
Set(d, D, out) ==
  /\ db' = [db EXCEPT ![d] = D]
  /\ log' = (IF phase = "honest" /\ ~Waits /\ at < Len(log) THEN [log EXCEPT ![at + 1] = Gone] ELSE log) \o out
  /\ best' = [best EXCEPT ![d] = Better(d, D)]
  /\ fuel' = IF phase = "honest" /\ fuel > 0 THEN fuel - 1 ELSE fuel
Room(n) == phase = "honest" \/ Len(log) + n <= MaxMessages

-----------------------------------------------------------------------------
(* Texts. *)
Write(d, t) ==
  /\ phase = "hostile" /\ t \in Own(d) /\ db[d].rows[t].state = "none"
  /\ Set(d, [db[d] EXCEPT !.rows[t].state = "waits"], <<>>)
  /\ UNCHANGED <<at, image, torn, made, early, moved, phase, left>>

Send(d, t) ==
  /\ t \in Sendable(d) /\ Room(1)
  /\ LET D == db[d]
         id == Carries(D)
         n == IF D.rows[t].n = 0 THEN D.given + 1 ELSE D.rows[t].n
         D2 == [D EXCEPT !.rows[t] = [state |-> "sent", n |-> n, on |-> id, times |-> @.times + 1],
                         !.given = Max(@, n)]
     IN /\ Set(d, D2, <<Message(d, D2, Get(D2, id), "text", t, 0)>>)
        /\ early' = (early \/ ~Get(D, id).proven)
  /\ UNCHANGED <<at, image, torn, made, moved, phase, left>>

(* Texts that go again: the last argument says which. *)
RECURSIVE Waiting(_, _)
Waiting(rows, places) ==
  IF places = {} THEN rows
  ELSE LET n == CHOOSE n \in places : TRUE IN Waiting([rows EXCEPT ![n].state = "waits"], places \ {n})
Again(D, chosen(_)) ==
  [D EXCEPT !.rows = Waiting(@, {n \in DOMAIN @ : @[n].state = "sent" /\ @[n].times < MaxSendings /\ chosen(@[n])})]

-----------------------------------------------------------------------------
(* Asks, silence, new sessions. *)
MayAsk(D) == D.ask = 0 /\ D.cand = 0 /\ ~D.wanted /\ Active(D).id # 0
AskNow(d) ==
  LET D == [db[d] EXCEPT !.ask = Len(log) + 1, !.doubt = FALSE, !.weekly = TRUE]
  IN Set(d, D, <<Message(d, D, Get(D, Active(D).id), "ask", 0, Len(log) + 1)>>)
Ask(d) ==
  /\ phase = "hostile" /\ left.asks > 0 /\ MayAsk(db[d]) /\ Room(1) /\ AskNow(d)
  /\ left' = [left EXCEPT !.asks = @ - 1]
  /\ UNCHANGED <<at, image, torn, made, early, moved, phase>>

Silent(d) ==
  /\ db[d].ask # 0
  /\ Set(d, [db[d] EXCEPT !.ask = 0, !.wanted = @ \/ db[d].cand = 0], <<>>)
  /\ UNCHANGED <<at, image, torn, made, early, moved, phase, left>>

Start(d, ahead) ==
  /\ db[d].wanted /\ Room(1)
  /\ phase = "hostile" => left.sessions > 0
  /\ LET D == db[d]
         id == made.sessions + 1
         s == [id |-> id, e |-> D.known + 1 + ahead, ours |-> TRUE, proven |-> FALSE, inst |-> 0, heard |-> 0,
               since |-> Len(log), pk |-> db[Other(d)].gen, top |-> D.top]
         D2 == [With(D, s) EXCEPT !.known = s.e, !.cand = id, !.wanted = FALSE, !.top = NoTop]
     IN Set(d, D2, <<Message(d, D2, s, "ask", 0, Len(log) + 1)>>)
  /\ made' = [made EXCEPT !.sessions = @ + 1]
  /\ left' = [left EXCEPT !.sessions = IF phase = "hostile" THEN @ - 1 ELSE @]
  /\ UNCHANGED <<at, image, torn, early, moved, phase>>

-----------------------------------------------------------------------------
(* A message comes (SES-23, SES-24, SES-27, SES-28, SES-30, SES-31). *)
Fits(D, m) ==
  /\ Has(D, m.s)
  /\ LET s == Get(D, m.s) IN
     IF s.ours THEN s.inst \in {0, m.inst} ELSE m.inst \in {0, s.inst}
IsFlight(D, m) == ~Has(D, m.s) /\ m.inst = 0 /\ m.s \notin D.taken /\ m.pk = D.gen
Opens(D, m, i) == /\ i \notin D.seen /\ ~(m.s \in torn.ids /\ i > torn.after)
                  /\ (Fits(D, m) \/ IsFlight(D, m))

Heard(D, m) == \* a flight becomes a session of theirs, no more
  [With(D, [id |-> m.s, e |-> m.e, ours |-> FALSE, proven |-> FALSE, inst |-> made.answers + 1, heard |-> 0,
            since |-> Len(log), pk |-> m.pk, top |-> NoTop])
   EXCEPT !.taken = @ \cup {m.s}, !.known = Max(@, m.e)]

Drop(D, except, since) == \* life drops what we have started beside the active session
  LET gone == {s.id : s \in {o \in Pending(D) : o.id # except /\ o.since < since
                                                /\ ~(o.top.id # 0 /\ Before(o.top, Active(D)))}}
  IN IF gone = {} THEN D ELSE Calm([Without(D, gone) EXCEPT !.ask = 0])

Open(D, m, i) ==
  LET old == Get(D, m.s)
      s == [old EXCEPT !.inst = IF old.ours THEN m.inst ELSE @, !.proven = @ \/ m.proof, !.heard = Max(@, i)]
      D1 == [With(D, s) EXCEPT !.seen = IF phase = "honest" THEN @ ELSE @ \cup {i}]
      isProof == s.proven /\ ~old.proven
      isActive == Active(D1).id = m.s
      D2 == IF isProof THEN [D1 EXCEPT !.cand = IF @ = m.s THEN 0 ELSE @, !.known = Max(@, m.e)] ELSE D1
      D3 == IF isProof /\ isActive
            THEN Again(Calm(Drop([D2 EXCEPT !.ask = 0], m.s, Len(log) + 1)), LAMBDA row : row.on # m.s)
            ELSE IF isActive THEN Drop(D2, m.s, m.heard) ELSE D2
  IN [D3 EXCEPT !.doubt = @ \/ (s.proven /\ ~isActive)]

Count(D, n, isText) == \* numbers that are missing now, and whether one was given twice
  [D EXCEPT !.missing = (@ \cup (IF n > D.highest + Jump THEN {} ELSE D.highest + 1 .. n))
                        \ (IF isText THEN {n} ELSE {}),
            !.highest = Max(@, n),
            !.parted = @ \/ n > D.highest + Jump \/ (isText /\ n <= D.highest /\ n \notin D.missing)]

Sync(D, m) ==
  LET D1 == [D EXCEPT !.known = Max(@, m.top.e)]
      c == D1.cand
      lacks == Outranked(D1, m.top) /\ ~(c # 0 /\ Get(D1, c).e > m.top.e)
      D2 == IF lacks THEN [Without(D1, {c}) EXCEPT !.wanted = TRUE, !.top = m.top] ELSE D1
      isAnswer == m.kind = "tell" /\ D2.ask # 0 /\ m.ask = D2.ask
      D3 == IF ~isAnswer THEN D2
            ELSE IF Outranked(D2, m.top) THEN [D2 EXCEPT !.ask = 0]
            ELSE LET E == Calm([D2 EXCEPT !.ask = 0]) IN Without(E, {s.id : s \in Pending(E)} \ {m.s})
      D4 == IF m.got > D3.given THEN [D3 EXCEPT !.given = @ + Jump + 1] ELSE D3
      D5 == IF Told THEN Count(D4, m.given, FALSE) ELSE D4
  IN IF Active(D5).id = m.s THEN Again(D5, LAMBDA row : row.n <= m.got) ELSE D5

Take(D, m) ==
  CASE m.kind \in {"ask", "tell"} -> Sync(D, m)
    [] m.kind = "receipt" -> IF D.rows[m.text].state # "none" THEN [D EXCEPT !.rows[m.text].state = "sure"] ELSE D
    [] m.kind = "text" -> IF D.shown[m.text] > 0 /\ OnceShown THEN D
                          ELSE Count([D EXCEPT !.shown[m.text] = @ + 1], m.n, TRUE)

Words(d, D, m, isProof) == \* what is said at once: an answer, a receipt, a third leg
  LET s == Get(D, m.s)
      answer == IF m.kind = "ask" /\ Has(D, m.s) THEN <<Message(d, D, s, "tell", 0, m.ask)>> ELSE <<>>
      receipt == IF m.kind = "text" /\ Active(D).id # 0
                 THEN <<[Message(d, D, Get(D, Active(D).id), "receipt", 0, 0) EXCEPT !.text = m.text]>> ELSE <<>>
      third == IF ThirdLeg /\ isProof /\ Has(D, m.s) /\ s.ours /\ Active(D).id = m.s
               THEN <<Message(d, D, s, "tell", 0, 0)>> ELSE <<>>
  IN answer \o receipt \o third

Deliver(i) ==
  /\ i \in DOMAIN log
  /\ LET m == log[i]
         d == m.to
         D == db[d]
         isFlight == IsFlight(D, m)
         D1 == Open(IF isFlight THEN Heard(D, m) ELSE D, m, i)
         isProof == m.proof /\ Has(D, m.s) /\ ~Get(D, m.s).proven
         D2 == Take(D1, m)
         out == Words(d, D2, m, isProof)
     IN /\ Opens(D, m, i) /\ Room(Len(out))
        /\ Set(d, D2, out)
        /\ made' = [made EXCEPT !.answers = IF isFlight THEN @ + 1 ELSE @]
  /\ UNCHANGED <<image, torn, early, moved, phase, left>>

Refuse(i) == \* an unknown tag, a replay, a session that fell apart: doubt, no more
  /\ i \in DOMAIN log
  /\ LET m == log[i]
         D == [db[m.to] EXCEPT !.doubt = TRUE]
         D2 == IF Stays THEN D ELSE [D EXCEPT !.sess = {}, !.cand = 0, !.ask = 0, !.wanted = TRUE]
     IN /\ ~Opens(db[m.to], m, i)
        /\ Set(m.to, D2, <<>>)
        /\ moved' = (moved \/ [D2 EXCEPT !.doubt = db[m.to].doubt] # db[m.to])
  /\ UNCHANGED <<image, torn, made, early, phase, left>>

-----------------------------------------------------------------------------
(* Losses of state: one that the store notices (SES-32), and one that nobody notices. *)
Lose(d) ==
  /\ d \in Losers /\ phase = "hostile" /\ left.losses > 0 /\ left' = [left EXCEPT !.losses = @ - 1]
  /\ LET D == [db[d] EXCEPT !.sess = {}, !.cand = 0, !.ask = 0, !.wanted = TRUE, !.top = NoTop, !.doubt = FALSE,
                            !.gen = @ + 1, !.given = IF Numbered THEN @ + Jump + 1 ELSE 0,
                            !.highest = IF Numbered THEN @ ELSE 0, !.missing = IF Numbered THEN @ ELSE {}]
     IN db' = [db EXCEPT ![d] = D] /\ image' = [image EXCEPT ![d] = D]
  /\ best' = [best EXCEPT ![d] = NoTop]
  /\ UNCHANGED <<log, at, torn, made, early, moved, phase, fuel>>

Copy(d) ==
  /\ d \in Losers /\ phase = "hostile" /\ left.rollbacks > 0 /\ image[d] = Fresh(d) /\ db[d] # Fresh(d)
  /\ image' = [image EXCEPT ![d] = db[d]]
  /\ UNCHANGED <<db, log, at, torn, made, best, early, moved, phase, fuel, left>>

PutBack(d) ==
  /\ d \in Losers /\ phase = "hostile" /\ left.rollbacks > 0 /\ left' = [left EXCEPT !.rollbacks = @ - 1]
  /\ image[d] # db[d]
  /\ db' = [db EXCEPT ![d] = image[d]]
  /\ \E apart \in BOOLEAN : torn' = IF apart THEN [ids |-> {s.id : s \in image[d].sess}, after |-> Len(log)] ELSE torn
  /\ best' = [best EXCEPT ![d] = NoTop]
  /\ UNCHANGED <<log, at, image, made, early, moved, phase, fuel>>

-----------------------------------------------------------------------------
(* From now on the relay delivers all that is sent, once and in order; what it kept back is lost. What cannot
   come again is forgotten, so that more states are one. *)
Relent ==
  /\ phase = "hostile" /\ phase' = "honest" /\ at' = Len(log)
  /\ log' = Repeat(Len(log), Gone) /\ db' = [db EXCEPT !["A"].seen = {}, !["B"].seen = {}]
  /\ image' = [A |-> Fresh("A"), B |-> Fresh("B")] /\ left' = [left EXCEPT !.asks = 0, !.losses = 0, !.sessions = 0]
  /\ UNCHANGED <<torn, made, best, early, moved, fuel>>

Replace(d) == \* a day without an answer
  /\ db[d].ask = 0 /\ db[d].cand # 0 /\ ~db[d].wanted
  /\ LET top == Get(db[d], db[d].cand).top
     IN Set(d, [db[d] EXCEPT !.cand = 0, !.wanted = TRUE, !.top = top], <<>>)
  /\ UNCHANGED <<at, image, torn, made, early, moved, phase, left>>
AskOn(d) ==
  /\ MayAsk(db[d]) /\ (db[d].doubt \/ ~db[d].weekly) /\ AskNow(d)
  /\ UNCHANGED <<at, image, torn, made, early, moved, phase, left>>
Want(d) ==
  /\ db[d].cand = 0 /\ ~db[d].wanted /\ Active(db[d]).id = 0
  /\ Set(d, [db[d] EXCEPT !.wanted = TRUE], <<>>)
  /\ UNCHANGED <<at, image, torn, made, early, moved, phase, left>>
Search(d) == \* what time asks for when nothing is under way (SES-25, SES-26)
  Start(d, 0) \/ Silent(d) \/ Replace(d) \/ AskOn(d) \/ Want(d)

Restless(d) ==
  LET D == db[d] IN
  \/ D.wanted \/ D.ask # 0 \/ D.cand # 0 \/ Active(D).id = 0
  \/ MayAsk(D) /\ (D.doubt \/ ~D.weekly)
Rest == phase = "honest" /\ ~Waits /\ at = Len(log) /\ \A d \in Devices : ~Restless(d)

Honest ==
  /\ phase = "honest" /\ fuel > 0
  /\ \/ \E d \in Devices, t \in DOMAIN Texts : Send(d, t)
     \/ ~Waits /\ at < Len(log) /\ at' = at + 1 /\ (Deliver(at + 1) \/ Refuse(at + 1))
     \/ ~Waits /\ at = Len(log) /\ \E d \in Devices : Search(d)

Hostile ==
  /\ phase = "hostile"
  /\ \/ \E d \in Devices, t \in DOMAIN Texts : Write(d, t) \/ Send(d, t)
     \/ \E d \in Devices : Ask(d) \/ Silent(d) \/ (\E ahead \in {0, Skew} : Start(d, ahead))
     \/ \E d \in Devices : Lose(d) \/ Copy(d) \/ PutBack(d)
     \/ \E i \in DOMAIN log : (Deliver(i) \/ Refuse(i)) /\ UNCHANGED at
     \/ Relent

Next == Hostile \/ Honest
Spec == Init /\ [][Next]_vars

-----------------------------------------------------------------------------
(* SES-22: in the end both have one active session, the same. *)
OneActive == Rest => Active(db["A"]).id # 0 /\ Active(db["A"]).id = Active(db["B"]).id
(* SES-35: an honest relay lets them come to rest. *)
Ends == fuel > 0
(* SES-11: no store has shown a text twice. *)
ShownOnce == \A d \in Devices, t \in DOMAIN Texts : t \in Own(Other(d)) => db[d].shown[t] <= 1
(* SES-30, SES-37: a text was shown, or the side that lacks it knows, or the sender does. *)
NothingLost == Rest => \A d \in Devices : \A t \in Own(d) :
  LET row == db[d].rows[t]
      D == db[Other(d)]
  IN row.state = "none" \/ D.shown[t] > 0 \/ row.n \in D.missing \/ (D.parted /\ row.n <= D.highest) 
     \/ (left.rollbacks < MaxRollbacks /\ row.times >= MaxSendings)
(* SES-22, SES-37: no text leaves on a session that was not answered. *)
NoneEarly == ~early
(* SES-22: an older session never takes the place of a newer one, but by a loss. *)
NeverBack == \A d \in Devices : best[d].id # 0 => ~Before(best[d], Active(db[d]))
(* SES-23: what does not authenticate changes doubt, no more. *)
OnlyDoubt == ~moved
=============================================================================

----------------------------- MODULE RelayQueue -----------------------------
(* One mailbox of a relay over its embedded store: memory decides, a writer commits groups. And one client with a
   store of its own. The relay's process or the client's may crash at any step.

   Variable   stands for                                                          rule
   disk       what the relay's database holds: messages, ids that have come       RLY-30, RLY-32
   core       the relay's memory: messages, ids, subscription, what is in flight  RLY-35, RLY-39, RLY-90
   queue      operations that wait for the writer                                 RLY-30
   done       operations that were committed, or failed, and are not answered     RLY-30
   wire       messages pushed on the client's connection and not taken yet        RLY-35
   client     what the client has stored, and what it may acknowledge             SES-11, RLY-37
   confirmed  ids whose SEND was answered OK                                      RLY-30
   acked      seqs whose ACK was answered DONE                                    RLY-37
   lapsed     ids that were deleted because their time was over                   RLY-41
   now        time, in lives of a message                                         RLY-41
   left       how often something may still happen; this bounds the model

   A row is a stored message [seq, id, until]. A seq is generation * 10 + counter. *)
EXTENDS Naturals, Sequences, FiniteSets

CONSTANTS Ids, MaxSends, MaxFails, MaxCrashes, MaxClientCrashes, MaxTicks, MaxConnects,
          AnswerAfterCommit, \* FALSE: SEND is answered OK before its commit (against RLY-30)
          GenerationRises,   \* FALSE: after a start seqs continue behind what is held (against RLY-35)
          StoreBeforeAck,    \* FALSE: the client acknowledges before it has stored (against HS-08, SES-11)
          Remembers,         \* FALSE: the id of a message is known only while it is held (against RLY-32)
          GivesOnce          \* FALSE: the client gives every copy to the application (against SES-11)

VARIABLES disk, core, queue, done, wire, client, confirmed, acked, lapsed, now, left

vars == <<disk, core, queue, done, wire, client, confirmed, acked, lapsed, now, left>>

Seq10(generation, count) == generation * 10 + count
SeqsOf(rows) == {row.seq : row \in rows}
IdsOf(rows) == {row.id : row \in rows}
InOrderOf(rows) == \* the rows as a sequence, ascending by seq
  CHOOSE s \in [1..Cardinality(rows) -> rows] : \A i, j \in DOMAIN s : i < j => s[i].seq < s[j].seq
Pushed(rows) == [i \in 1..Cardinality(rows) |-> [seq |-> InOrderOf(rows)[i].seq, id |-> InOrderOf(rows)[i].id]]
(* An operation: what it stores, deletes or reads (rows), which subscription it is of (sub), and which numbers an
   ACK took out of flight (freed). *)
Op(op, id, rows, sub, freed) == [op |-> op, id |-> id, rows |-> rows, sub |-> sub, freed |-> freed]
Result(c, rows, ok) == [op |-> c.op, id |-> c.id, rows |-> rows, sub |-> c.sub, freed |-> c.freed, ok |-> ok]
Live(rows) == {row \in rows : row.until > now}
Range(s) == {s[i] : i \in DOMAIN s}
Ascending(s) == \A i, j \in DOMAIN s : i < j => s[i].seq < s[j].seq

LastCount(held) == IF held = {} THEN 0
                   ELSE CHOOSE n \in {s % 10 : s \in SeqsOf(held)} : \A m \in {s % 10 : s \in SeqsOf(held)} : m <= n

NoSubscription == [sub |-> 0, subs |-> 0, behind |-> FALSE, reading |-> FALSE, flight |-> {}]
Subscription(c) == [sub |-> c.sub, subs |-> c.subs, behind |-> c.behind, reading |-> c.reading,
                    flight |-> c.flight]
Loaded(d, s) == \* memory, from the disk; a subscription outlives a reload, not a crash
  [gen |-> d.gen, count |-> IF GenerationRises THEN 0 ELSE LastCount(d.held), held |-> d.held, seen |-> d.seen,
   broken |-> FALSE, sub |-> s.sub, subs |-> s.subs, behind |-> s.behind, reading |-> s.reading,
   flight |-> s.flight]
Known(c) == IF Remembers THEN c.seen ELSE IdsOf(c.held)

Init ==
  /\ disk = [gen |-> 1, held |-> {}, seen |-> {}]
  /\ core = Loaded(disk, NoSubscription)
  /\ queue = <<>> /\ done = <<>> /\ wire = <<>>
  /\ client = [given |-> <<>>, inbox |-> <<>>, toack |-> {}, last |-> 0]
  /\ confirmed = {} /\ acked = {} /\ lapsed = {} /\ now = 0
  /\ left = [sends |-> MaxSends, fails |-> MaxFails, crashes |-> MaxCrashes, client |-> MaxClientCrashes,
             ticks |-> MaxTicks, connects |-> MaxConnects]

(* A subscription that may be behind reads what is held and not in flight; one read at a time (RLY-35). *)
MayRead(c) == c.sub # 0 /\ c.behind /\ ~c.reading
ToRead(c, t) == {row \in c.held : row.until > t /\ row.seq \notin c.flight}
PumpedCore(c) == IF MayRead(c) THEN [c EXCEPT !.behind = FALSE, !.reading = TRUE] ELSE c
PumpedQueue(q, c, t) == IF MayRead(c) THEN Append(q, Op("read", 0, ToRead(c, t), c.sub, {})) ELSE q

(* SEND of one item, decided at once on memory: a known id stores nothing; a fresh message is held, and pushed
   before it is committed (RLY-30, RLY-32, RLY-90). All answers wait for the commit. *)
Send(i) ==
  /\ left.sends > 0 /\ left' = [left EXCEPT !.sends = @ - 1]
  /\ IF i \in Known(core)
     THEN /\ queue' = Append(queue, Op("send", i, {}, 0, {}))
          /\ UNCHANGED <<core, wire>>
     ELSE /\ core.count < 9
          /\ LET row == [seq |-> Seq10(core.gen, core.count + 1), id |-> i, until |-> now + 1]
                 held == [core EXCEPT !.count = @ + 1, !.held = @ \cup {row}, !.seen = @ \cup {i}]
                 isIdle == core.sub # 0 /\ ~core.behind /\ ~core.reading
                 next == IF isIdle THEN [held EXCEPT !.flight = @ \cup {row.seq}]
                         ELSE IF core.sub # 0 THEN [held EXCEPT !.behind = TRUE] ELSE held
             IN /\ wire' = IF isIdle THEN wire \o Pushed({row}) ELSE wire
                /\ queue' = PumpedQueue(Append(queue, Op("send", i, {row}, 0, {})), next, now)
                /\ core' = PumpedCore(next)
  /\ confirmed' = IF AnswerAfterCommit THEN confirmed ELSE confirmed \cup {i}
  /\ UNCHANGED <<disk, done, client, acked, lapsed, now>>

(* The writer: the first n operations in one durable transaction; nobody has been told yet. *)
AfterOp(d, c) ==
  IF c.op = "send" THEN [d EXCEPT !.held = @ \cup c.rows, !.seen = @ \cup IdsOf(c.rows)]
  ELSE IF c.op = "read" THEN d
  ELSE [d EXCEPT !.held = {row \in @ : row.seq \notin SeqsOf(c.rows)}]

RECURSIVE AfterAll(_, _)
AfterAll(d, ops) == IF ops = <<>> THEN d ELSE AfterAll(AfterOp(d, Head(ops)), Tail(ops))

Flush(n) ==
  /\ n \in 1..Len(queue) /\ ~core.broken
  /\ LET group == SubSeq(queue, 1, n)
         after == AfterAll(disk, group)
         Found(c) == IF c.op = "read" THEN {row \in c.rows : row.seq \in SeqsOf(after.held)} ELSE c.rows
         late == UNION {c.rows : c \in {c \in Range(group) : c.op = "lapse"}}
     IN /\ disk' = after
        /\ done' = done \o [i \in DOMAIN group |-> Result(group[i], Found(group[i]), TRUE)]
        /\ lapsed' = lapsed \cup IdsOf(late)
  /\ queue' = SubSeq(queue, n + 1, Len(queue))
  /\ UNCHANGED <<core, wire, client, confirmed, acked, now, left>>

(* The writer could not commit the first operation (a full disk). It waits until memory is loaded anew; until then
   more may be decided on top of what failed. *)
Fail ==
  /\ left.fails > 0 /\ queue # <<>> /\ ~core.broken
  /\ Head(queue).op # "read" /\ Head(queue).rows # {}
  /\ left' = [left EXCEPT !.fails = @ - 1]
  /\ done' = Append(done, Result(Head(queue), Head(queue).rows, FALSE))
  /\ queue' = Tail(queue)
  /\ core' = [core EXCEPT !.broken = TRUE]
  /\ UNCHANGED <<disk, wire, client, confirmed, acked, lapsed, now>>

(* What a subscription has of an operation that failed: acknowledged numbers are in flight again, a read is owed. *)
AfterFailure(c, o) ==
  IF o.sub # c.sub THEN c
  ELSE IF o.op = "ack" THEN [c EXCEPT !.flight = @ \cup o.freed]
  ELSE IF o.op = "read" THEN [c EXCEPT !.reading = FALSE, !.behind = TRUE]
  ELSE c

RECURSIVE AfterFailures(_, _)
AfterFailures(c, ops) == IF ops = <<>> THEN c ELSE AfterFailures(AfterFailure(c, Head(ops)), Tail(ops))

(* All that was decided on top of it fails too, and memory is loaded anew under a new generation (RLY-35). *)
Recover ==
  /\ core.broken
  /\ LET d == [disk EXCEPT !.gen = IF GenerationRises THEN @ + 1 ELSE @]
     IN /\ disk' = d
        /\ core' = Loaded(d, Subscription(AfterFailures(core, queue)))
  /\ queue' = <<>>
  /\ UNCHANGED <<done, wire, client, confirmed, acked, lapsed, now, left>>

(* The oldest operation is answered: this is where OK and DONE are said. *)
Answer ==
  /\ done # <<>> /\ done' = Tail(done)
  /\ LET c == Head(done) IN
     CASE ~c.ok -> /\ core' = AfterFailure(core, c)
                   /\ UNCHANGED <<queue, wire, confirmed, acked>>
       [] c.ok /\ c.op = "send" -> /\ confirmed' = confirmed \cup {c.id}
                                   /\ UNCHANGED <<core, queue, wire, acked>>
       [] c.ok /\ c.op = "ack" -> /\ acked' = IF c.sub = core.sub THEN acked \cup SeqsOf(c.rows) ELSE acked
                                  /\ UNCHANGED <<core, queue, wire, confirmed>>
       [] c.ok /\ c.op = "lapse" -> UNCHANGED <<core, queue, wire, confirmed, acked>>
       [] c.ok /\ c.op = "read" ->
          IF c.sub # core.sub THEN UNCHANGED <<core, queue, wire, confirmed, acked>>
          ELSE LET fresh == {row \in c.rows : row.seq \notin core.flight}
                   next == [core EXCEPT !.reading = FALSE, !.flight = @ \cup SeqsOf(fresh)]
               IN /\ wire' = wire \o Pushed(fresh)
                  /\ queue' = PumpedQueue(queue, next, now)
                  /\ core' = PumpedCore(next)
                  /\ UNCHANGED <<confirmed, acked>>
  /\ UNCHANGED <<disk, client, lapsed, now, left>>

(* Once a second the relay looks after subscriptions that are behind. *)
Pump ==
  /\ MayRead(core)
  /\ queue' = PumpedQueue(queue, core, now) /\ core' = PumpedCore(core)
  /\ UNCHANGED <<disk, done, wire, client, confirmed, acked, lapsed, now, left>>

(* SUBSCRIBE on a new connection; a takeover of a connection that still stands is bounded (RLY-39). *)
Connect ==
  /\ ~core.broken
  /\ core.sub # 0 => left.connects > 0
  /\ left' = IF core.sub = 0 THEN left ELSE [left EXCEPT !.connects = @ - 1]
  /\ LET next == [core EXCEPT !.sub = core.subs + 1, !.subs = core.subs + 1, !.behind = TRUE,
                              !.reading = FALSE, !.flight = {}]
     IN /\ queue' = PumpedQueue(queue, next, now) /\ core' = PumpedCore(next)
  /\ wire' = <<>> /\ client' = [client EXCEPT !.last = 0]
  /\ UNCHANGED <<disk, done, confirmed, acked, lapsed, now>>

(* The client takes the next message and, in one transaction, stores it and that it has its id (SES-11). *)
Stored(given, m) == IF GivesOnce /\ m.id \in {g.id : g \in Range(given)} THEN given ELSE Append(given, m)

Take ==
  /\ wire # <<>> /\ wire' = Tail(wire)
  /\ LET m == Head(wire)
         kept == IF StoreBeforeAck THEN [client EXCEPT !.given = Stored(@, m)]
                                   ELSE [client EXCEPT !.inbox = Append(@, m)]
     IN client' = [kept EXCEPT !.toack = @ \cup {m.seq}, !.last = m.seq]
  /\ UNCHANGED <<disk, core, queue, done, confirmed, acked, lapsed, now, left>>

Keep == \* only a client that acknowledges first has something left to store
  /\ client.inbox # <<>>
  /\ client' = [client EXCEPT !.given = Stored(@, Head(client.inbox)), !.inbox = Tail(@)]
  /\ UNCHANGED <<disk, core, queue, done, wire, confirmed, acked, lapsed, now, left>>

(* ACK of all that the client has safe, on whatever connection it has now (RLY-37). *)
Ack ==
  /\ core.sub # 0 /\ client.toack # {}
  /\ LET rows == {row \in core.held : row.seq \in client.toack}
         freed == core.flight \cap client.toack
         next == [core EXCEPT !.held = @ \ rows, !.flight = @ \ freed]
     IN /\ queue' = PumpedQueue(Append(queue, Op("ack", 0, rows, core.sub, freed)), next, now)
        /\ core' = PumpedCore(next)
  /\ client' = [client EXCEPT !.toack = {}]
  /\ UNCHANGED <<disk, done, wire, confirmed, acked, lapsed, now, left>>

(* Time passes; what the relay holds and is over is dropped (RLY-41). *)
Tick ==
  /\ ~core.broken
  /\ left.ticks > 0 /\ left' = [left EXCEPT !.ticks = @ - 1]
  /\ now' = now + 1
  /\ LET over == {row \in core.held : row.until <= now'}
         next == [core EXCEPT !.held = @ \ over]
         swept == IF over = {} THEN queue ELSE Append(queue, Op("lapse", 0, over, 0, {}))
     IN /\ queue' = PumpedQueue(swept, next, now')
        /\ core' = PumpedCore(next)
  /\ UNCHANGED <<disk, done, wire, client, confirmed, acked, lapsed>>

(* The relay's process ends: memory, queue and connections are gone; it starts again from its disk. *)
Crash ==
  /\ left.crashes > 0 /\ left' = [left EXCEPT !.crashes = @ - 1]
  /\ LET d == [disk EXCEPT !.gen = IF GenerationRises THEN @ + 1 ELSE @]
     IN /\ disk' = d
        /\ core' = Loaded(d, NoSubscription)
  /\ queue' = <<>> /\ done' = <<>> /\ wire' = <<>>
  /\ UNCHANGED <<client, confirmed, acked, lapsed, now>>

(* The client's process ends: it has only what it stored. *)
ClientCrash ==
  /\ left.client > 0 /\ left' = [left EXCEPT !.client = @ - 1]
  /\ client' = [client EXCEPT !.inbox = <<>>, !.toack = {}, !.last = 0]
  /\ core' = [core EXCEPT !.sub = 0, !.behind = FALSE, !.reading = FALSE, !.flight = {}]
  /\ wire' = <<>>
  /\ UNCHANGED <<disk, queue, done, confirmed, acked, lapsed, now>>

Next ==
  \/ \E i \in Ids : Send(i)
  \/ \E n \in 1..Len(queue) : Flush(n)
  \/ Fail \/ Recover \/ Answer \/ Pump \/ Connect \/ Take \/ Keep \/ Ack \/ Tick \/ Crash \/ ClientCrash

Spec == Init /\ [][Next]_vars

(* The writer, the relay and the client go on as long as they can; faults end when `left` is used up. *)
Fair == Spec /\ WF_vars(\E n \in 1..Len(queue) : Flush(n)) /\ WF_vars(Answer) /\ WF_vars(Take) /\ WF_vars(Pump)
             /\ WF_vars(Recover) /\ WF_vars(core.sub = 0 /\ Connect)

-----------------------------------------------------------------------------
GivenIds == {m.id : m \in Range(client.given)}

(* RLY-30: what was confirmed is on the relay's disk, or with the client, or its time was over. *)
NothingLost == \A i \in confirmed : i \in IdsOf(disk.held) \cup GivenIds \cup lapsed
(* RLY-37: what the client was told is deleted does not come back. *)
AckedIsGone == acked \cap SeqsOf(disk.held) = {}
(* RLY-35: ascending on a connection, and so in what the client gives to the application. *)
InOrder == /\ Ascending(wire) /\ Ascending(client.given)
           /\ wire # <<>> => Head(wire).seq > client.last
(* RLY-35: a seq never names two messages. *)
SeqOnce == \A a, b \in {[seq |-> row.seq, id |-> row.id] : row \in disk.held \cup core.held}
                       \cup Range(wire) \cup Range(client.given) : a.seq = b.seq => a.id = b.id
(* RLY-32: one copy of an id on disk, and none after its deletion was confirmed. *)
StoredOnce == /\ \A a, b \in disk.held : a.id = b.id => a = b
              /\ {m.id : m \in {m \in Range(client.given) : m.seq \in acked}} \cap IdsOf(disk.held) = {}
(* SES-11: the application is given each id once. *)
GivenOnce == \A i, j \in DOMAIN client.given : client.given[i].id = client.given[j].id => i = j
(* What the relay thinks is on disk is there when nothing is on its way. *)
MemoryAgrees == queue = <<>> /\ done = <<>> /\ ~core.broken => core.held = disk.held /\ core.seen = disk.seen

(* RLY-35: what was confirmed arrives, unless its time is over first. *)
Arrives == \A i \in Ids : (i \in confirmed) ~> (i \in GivenIds \cup lapsed \/ i \notin confirmed
                                               \/ i \notin IdsOf(Live(disk.held)))
=============================================================================

----------------------------- MODULE RelayQueue -----------------------------
(* One mailbox of a relay, its writer with group commit, its disk, and one client with a store of its own.
   The relay's process or the client's may crash at any step.

   Variable   stands for                                                          rule
   disk       what the relay's database holds: messages, ids of messages gone     RLY-30, RLY-32
   core       the relay's memory: messages, ids on their way, subscription        RLY-35, RLY-39, RLY-90
   queue      changes that wait for the writer                                    RLY-30
   done       results of committed changes that the relay has not seen yet        RLY-30
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
          Remembers,         \* FALSE: ids of deleted messages are forgotten (against RLY-32)
          GivesOnce          \* FALSE: the client gives every copy to the application (against SES-11)

VARIABLES disk, core, queue, done, wire, client, confirmed, acked, lapsed, now, left

vars == <<disk, core, queue, done, wire, client, confirmed, acked, lapsed, now, left>>

Seq10(generation, count) == generation * 10 + count
SeqsOf(rows) == {row.seq : row \in rows}
IdsOf(rows) == {row.id : row \in rows}
InOrderOf(rows) == \* the rows as a sequence, ascending by seq
  CHOOSE s \in [1..Cardinality(rows) -> rows] : \A i, j \in DOMAIN s : i < j => s[i].seq < s[j].seq
Pushed(rows) == [i \in 1..Cardinality(rows) |-> [seq |-> InOrderOf(rows)[i].seq, id |-> InOrderOf(rows)[i].id]]
Change(op, id, rows, sub) == [op |-> op, id |-> id, rows |-> rows, sub |-> sub]
Live(rows) == {row \in rows : row.until > now}
Range(s) == {s[i] : i \in DOMAIN s}
Ascending(s) == \A i, j \in DOMAIN s : i < j => s[i].seq < s[j].seq

FreshCore(generation, held, known) ==
  [gen |-> generation, count |-> IF GenerationRises \/ held = {} THEN 0
                                 ELSE (CHOOSE n \in {s % 10 : s \in SeqsOf(held)} :
                                         \A m \in {s % 10 : s \in SeqsOf(held)} : m <= n),
   held |-> held, pending |-> {}, leaving |-> {}, known |-> known,
   sub |-> 0, subs |-> 0, backlog |-> {}, reading |-> FALSE]

Init ==
  /\ disk = [gen |-> 1, held |-> {}, gone |-> {}]
  /\ core = FreshCore(1, {}, {})
  /\ queue = <<>> /\ done = <<>> /\ wire = <<>>
  /\ client = [given |-> <<>>, inbox |-> <<>>, toack |-> {}, last |-> 0]
  /\ confirmed = {} /\ acked = {} /\ lapsed = {} /\ now = 0
  /\ left = [sends |-> MaxSends, fails |-> MaxFails, crashes |-> MaxCrashes, client |-> MaxClientCrashes,
             ticks |-> MaxTicks, connects |-> MaxConnects]

(* SEND of one item: an id on its way shares that commit, known ids are answered at once; a fresh message is held
   and pushed before it is committed (RLY-30, RLY-32, RLY-90). *)
Send(i) ==
  /\ left.sends > 0 /\ left' = [left EXCEPT !.sends = @ - 1]
  /\ IF i \in core.pending
     THEN /\ queue' = Append(queue, Change("put", i, {}, 0))
          /\ UNCHANGED <<core, wire, confirmed, lapsed>>
     ELSE IF i \in IdsOf(core.held) \cup core.known
     THEN /\ confirmed' = confirmed \cup {i}
          /\ UNCHANGED <<core, queue, wire, lapsed>>
     ELSE /\ core.count < 9
          /\ LET row == [seq |-> Seq10(core.gen, core.count + 1), id |-> i, until |-> now + 1]
             IN /\ queue' = Append(queue, Change("put", i, {row}, 0))
                /\ core' = [core EXCEPT !.count = @ + 1, !.pending = @ \cup {i}, !.held = @ \cup {row},
                                        !.backlog = IF core.reading THEN @ \cup {row.seq} ELSE @]
                /\ wire' = IF core.sub # 0 /\ ~core.reading THEN wire \o Pushed({row}) ELSE wire
          /\ confirmed' = IF AnswerAfterCommit THEN confirmed \ {i} ELSE confirmed \cup {i}
          /\ lapsed' = lapsed \ {i}
  /\ UNCHANGED <<disk, done, client, acked, now>>

(* The writer: the first n changes in one durable transaction; nobody has been told yet. *)
AfterChange(d, c) ==
  IF c.op = "put" THEN [d EXCEPT !.held = @ \cup c.rows]
  ELSE IF c.op = "read" THEN d
  ELSE [d EXCEPT !.held = {row \in @ : row.seq \notin SeqsOf(c.rows)},
                 !.gone = IF c.op = "drop" /\ Remembers THEN @ \cup IdsOf(c.rows) ELSE @]

RECURSIVE AfterAll(_, _)
AfterAll(d, changes) == IF changes = <<>> THEN d ELSE AfterAll(AfterChange(d, Head(changes)), Tail(changes))

Carried(d, changes) == \* <<disk afterwards, results>>; reads come last, whatever their place in the group
  LET after == AfterAll(d, changes)
      Found(c) == IF c.op = "read" THEN {row \in c.rows : row.seq \in SeqsOf(after.held)} ELSE c.rows
  IN <<after, [i \in DOMAIN changes |-> [op |-> changes[i].op, id |-> changes[i].id, rows |-> Found(changes[i]),
                                         sub |-> changes[i].sub, ok |-> TRUE]]>>

Flush(n) ==
  /\ n \in 1..Len(queue)
  /\ LET group == SubSeq(queue, 1, n)
         carried == Carried(disk, group)
         late == {row \in UNION {c.rows : c \in {c \in Range(group) : c.op = "lapse"}} : row.until <= now}
     IN /\ disk' = carried[1]
        /\ done' = done \o carried[2]
        /\ lapsed' = lapsed \cup IdsOf(late)
  /\ queue' = SubSeq(queue, n + 1, Len(queue))
  /\ UNCHANGED <<core, wire, client, confirmed, acked, now, left>>

(* The writer could not commit the first change (a full disk). *)
Fail ==
  /\ left.fails > 0 /\ queue # <<>> /\ Head(queue).op # "read"
  /\ left' = [left EXCEPT !.fails = @ - 1]
  /\ LET c == Head(queue)
     IN done' = Append(done, [op |-> c.op, id |-> c.id, rows |-> c.rows, sub |-> c.sub, ok |-> FALSE])
  /\ queue' = Tail(queue)
  /\ UNCHANGED <<disk, core, wire, client, confirmed, acked, lapsed, now>>

(* The relay hears of the oldest result: this is where OK and DONE are said. What could not be committed is held no
   longer; if the client has acknowledged it by then, it is safe all the same (RLY-30). *)
Answer ==
  /\ done # <<>> /\ done' = Tail(done)
  /\ LET c == Head(done) IN
     CASE c.op = "put" ->
          LET lost == IF c.ok THEN {} ELSE c.rows
              next == [core EXCEPT !.held = @ \ lost, !.leaving = @ \ lost,
                                   !.pending = IF c.rows = {} THEN @ ELSE @ \ {c.id}]
          IN /\ core' = next
             /\ confirmed' = IF (c.ok /\ c.rows # {}) \/ c.id \in (IdsOf(next.held) \ next.pending) \cup next.known
                             THEN confirmed \cup {c.id} ELSE confirmed
             /\ UNCHANGED <<queue, wire, acked>>
       [] c.op = "drop" ->
          LET back == {row \in c.rows : row \in core.leaving}
          IN /\ core' = IF c.ok THEN [core EXCEPT !.held = {row \in @ : row.seq \notin SeqsOf(c.rows)},
                                                  !.leaving = @ \ c.rows]
                        ELSE [core EXCEPT !.held = @ \cup back, !.leaving = @ \ back]
             /\ acked' = IF c.ok /\ c.sub = core.sub THEN acked \cup SeqsOf(c.rows) ELSE acked
             /\ UNCHANGED <<queue, wire, confirmed>>
       [] c.op = "lapse" -> UNCHANGED <<core, queue, wire, confirmed, acked>>
       [] c.op = "read" ->
          IF c.sub # core.sub THEN UNCHANGED <<core, queue, wire, confirmed, acked>>
          ELSE LET pushed == {row \in c.rows : row.seq \in SeqsOf(core.held)}
                   more == Live({row \in core.held : row.seq \in core.backlog})
               IN /\ wire' = wire \o Pushed(pushed)
                  /\ core' = [core EXCEPT !.reading = more # {}, !.backlog = {}]
                  /\ queue' = IF more = {} THEN queue ELSE Append(queue, Change("read", 0, more, core.sub))
                  /\ UNCHANGED <<confirmed, acked>>
  /\ UNCHANGED <<disk, client, lapsed, now, left>>

(* SUBSCRIBE on a new connection; a takeover of a connection that still stands is bounded (RLY-39). *)
Connect ==
  /\ core.sub # 0 => left.connects > 0
  /\ left' = IF core.sub = 0 THEN left ELSE [left EXCEPT !.connects = @ - 1]
  /\ LET rows == Live(core.held)
         number == core.subs + 1
     IN /\ core' = [core EXCEPT !.sub = number, !.subs = number, !.backlog = {}, !.reading = rows # {}]
        /\ queue' = IF rows = {} THEN queue ELSE Append(queue, Change("read", 0, rows, number))
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
  /\ LET rows == {row \in core.held \cup core.leaving : row.seq \in client.toack}
     IN /\ core' = [core EXCEPT !.held = @ \ rows, !.leaving = @ \cup rows,
                                !.known = IF Remembers THEN @ \cup IdsOf(rows) ELSE @]
        /\ queue' = IF rows = {} THEN queue ELSE Append(queue, Change("drop", 0, rows, core.sub))
  /\ client' = [client EXCEPT !.toack = {}]
  /\ UNCHANGED <<disk, done, wire, confirmed, acked, lapsed, now, left>>

(* Time passes; what the relay holds and is over is dropped, one change each (RLY-41). *)
Tick ==
  /\ left.ticks > 0 /\ left' = [left EXCEPT !.ticks = @ - 1]
  /\ now' = now + 1
  /\ LET over == {row \in core.held : row.until <= now'}
         changes == [i \in 1..Cardinality(over) |-> Change("lapse", 0, {InOrderOf(over)[i]}, 0)]
     IN /\ core' = [core EXCEPT !.held = @ \ over]
        /\ queue' = queue \o changes
  /\ UNCHANGED <<disk, done, wire, client, confirmed, acked, lapsed>>

(* The relay's process ends: memory, queue and connections are gone; it starts again from its disk. *)
Crash ==
  /\ left.crashes > 0 /\ left' = [left EXCEPT !.crashes = @ - 1]
  /\ LET generation == IF GenerationRises THEN disk.gen + 1 ELSE disk.gen
     IN /\ disk' = [disk EXCEPT !.gen = generation]
        /\ core' = FreshCore(generation, disk.held, disk.gone)
  /\ queue' = <<>> /\ done' = <<>> /\ wire' = <<>>
  /\ UNCHANGED <<client, confirmed, acked, lapsed, now>>

(* The client's process ends: it has only what it stored. *)
ClientCrash ==
  /\ left.client > 0 /\ left' = [left EXCEPT !.client = @ - 1]
  /\ client' = [client EXCEPT !.inbox = <<>>, !.toack = {}, !.last = 0]
  /\ core' = [core EXCEPT !.sub = 0, !.backlog = {}, !.reading = FALSE]
  /\ wire' = <<>>
  /\ UNCHANGED <<disk, queue, done, confirmed, acked, lapsed, now>>

Next ==
  \/ \E i \in Ids : Send(i)
  \/ \E n \in 1..Len(queue) : Flush(n)
  \/ Fail \/ Answer \/ Connect \/ Take \/ Keep \/ Ack \/ Tick \/ Crash \/ ClientCrash

Spec == Init /\ [][Next]_vars

(* The writer, the relay and the client go on as long as they can; faults end when `left` is used up. *)
Fair == Spec /\ WF_vars(\E n \in 1..Len(queue) : Flush(n)) /\ WF_vars(Answer) /\ WF_vars(Take)
             /\ WF_vars(core.sub = 0 /\ Connect)

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
SeqOnce == \A a, b \in {[seq |-> row.seq, id |-> row.id] : row \in disk.held \cup core.held \cup core.leaving}
                       \cup Range(wire) \cup Range(client.given) : a.seq = b.seq => a.id = b.id
(* RLY-32: one copy of an id that is still to be delivered, and none after its deletion was confirmed. *)
StoredOnce == /\ \A a, b \in Live(disk.held) : a.id = b.id => a = b
              /\ {m.id : m \in {m \in Range(client.given) : m.seq \in acked}} \cap IdsOf(Live(disk.held)) = {}
(* Not promised: a deletion that failed may leave an expired copy on disk beside a later one of the same id. *)
NoSecondCopy == \A c \in Range(queue) : Cardinality(IdsOf(c.rows)) = Cardinality(c.rows)
(* SES-11: the application is given each id once. *)
GivenOnce == \A i, j \in DOMAIN client.given : client.given[i].id = client.given[j].id => i = j
(* What the relay thinks is on disk is there when nothing is on its way. *)
MemoryAgrees == queue = <<>> /\ done = <<>> =>
                  /\ core.held \subseteq disk.held /\ core.pending = {} /\ core.leaving = {}

(* RLY-35: what was confirmed arrives, unless its time is over first. *)
Arrives == \A i \in Ids : (i \in confirmed) ~> (i \in GivenIds \cup lapsed \/ i \notin confirmed
                                               \/ i \notin IdsOf(Live(disk.held)))
=============================================================================

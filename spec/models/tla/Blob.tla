-------------------------------- MODULE Blob --------------------------------
(* A file on its way: sealed parts from one sender to one blob of a relay, and on to one receiver. Relay, sender and
   receiver end at any step; the disks of relay and receiver may lose their power.

   Variable   stands for                                                              rule
   row        what the relay's database says of the blob                              RLY-241, RLY-249
   file       the parts in its file, each with the sealing that it is of              RLY-243, RLY-251
   flushed    how many of them outlive a loss of power                                RLY-249
   last       how far the last part is: written, flushed, committed                   RLY-249
   stale      the file of a blob that ended is still to be removed                    RLY-251
   sender     what it has stored: sealing, sealed, announced, over; how many parts    FIL-07, FIL-12, FIL-24
              are in its sealed copy, and of which sealing
   line       its connection: parts on their way, which is sent next, what was told   RLY-241, RLY-243
   receiver   the parts that it has, whether they are safe, whether it has told       FIL-14, FIL-16
   ended      the blob was announced, and its time at the relay was over              RLY-247
   sent       how many parts were sent, repetitions included; lost: how many may be
   left       how often something may still happen; this bounds the model *)
EXTENDS Naturals, Sequences

CONSTANTS Parts, InFlight, MaxKills, MaxPowers, MaxEnds, MaxTicks,
          FlushFirst,   \* FALSE: the row says whole before the file is flushed (against RLY-249)
          SealOnce,     \* FALSE: who goes on seals the file anew, into the same blob (against FIL-07)
          AsksNext,     \* FALSE: who goes on begins with the first part (against RLY-241)
          HoldLast,     \* FALSE: the receiver tells that it holds what is not flushed (against FIL-14)
          RemoveFirst   \* FALSE: a blob is opened anew before its old file is gone (against RLY-251)

VARIABLES row, file, flushed, last, stale, sender, line, receiver, ended, sent, lost, left

vars == <<row, file, flushed, last, stale, sender, line, receiver, ended, sent, lost, left>>

Least(a, b) == IF a < b THEN a ELSE b
NoLine == [open |-> FALSE, way |-> <<>>, index |-> 0, told |-> 0]
OfOne(parts) == \A i, j \in DOMAIN parts : parts[i] = parts[j]
Cut(parts, count) == SubSeq(parts, 1, count)

Init ==
  /\ row = "none" /\ file = <<>> /\ flushed = 0 /\ last = "no" /\ stale = FALSE
  /\ sender = [stage |-> "sealing", made |-> 0, seal |-> 1] /\ line = NoLine
  /\ receiver = [got |-> <<>>, safe |-> FALSE, held |-> FALSE]
  /\ ended = FALSE /\ sent = 0 /\ lost = 0
  /\ left = [kills |-> MaxKills, powers |-> MaxPowers, ends |-> MaxEnds, ticks |-> MaxTicks]

IsBegun == sender.stage \in {"sealing", "sealed"}

(* A part is in the sealed copy, the last one with the hash in the row. *)
Seal ==
  /\ sender.stage = "sealing"
  /\ sender' = [sender EXCEPT !.made = @ + 1, !.stage = IF sender.made + 1 = Parts THEN "sealed" ELSE @]
  /\ UNCHANGED <<row, file, flushed, last, stale, line, receiver, ended, sent, lost, left>>

(* BLOB_OPEN: begins the blob, or tells where to go on; the last part is never counted before the row says whole. *)
Open ==
  /\ ~line.open /\ IsBegun /\ last = "no"
  /\ RemoveFirst => (row # "none" \/ file = <<>>)
  /\ row' = IF row = "none" THEN "open" ELSE row
  /\ stale' = (stale \/ (row = "none" /\ file # <<>>))
  /\ LET next == IF row = "whole" THEN Parts ELSE Least(Len(file), Parts - 1)
     IN line' = [open |-> TRUE, way |-> <<>>, index |-> IF AsksNext THEN next ELSE 0, told |-> next]
  /\ UNCHANGED <<file, flushed, last, sender, receiver, ended, sent, lost, left>>

Send ==
  /\ line.open /\ line.told < Parts /\ line.index < sender.made /\ Len(line.way) < InFlight
  /\ line' = [line EXCEPT !.way = Append(@, [index |-> line.index, seal |-> sender.seal]), !.index = @ + 1]
  /\ sent' = sent + 1
  /\ UNCHANGED <<row, file, flushed, last, stale, sender, receiver, ended, lost, left>>

(* BLOB_PUT: a part whose index is next is appended, another one changes nothing; both are told the new next. *)
Put ==
  /\ line.open /\ line.way # <<>> /\ last = "no" /\ row # "none"
  /\ LET part == Head(line.way)
         isNext == row = "open" /\ part.index = Len(file)
         isLast == isNext /\ part.index = Parts - 1
     IN /\ file' = IF isNext THEN Append(file, part.seal) ELSE file
        /\ last' = IF isLast THEN "written" ELSE "no"
        /\ line' = [line EXCEPT !.way = Tail(@), !.told = IF row = "whole" THEN Parts
                                                            ELSE IF isLast THEN @ ELSE Len(file')]
  /\ UNCHANGED <<row, flushed, stale, sender, receiver, ended, sent, lost, left>>

PutAtNone == \* the blob has ended meanwhile: NOT_FOUND, and the sender opens it anew
  /\ line.open /\ line.way # <<>> /\ row = "none" /\ last = "no"
  /\ line' = NoLine
  /\ UNCHANGED <<row, file, flushed, last, stale, sender, receiver, ended, sent, lost, left>>

(* The last part: the whole file is flushed, then the row is committed, then it is answered. *)
FlushLast ==
  /\ last = "written" /\ flushed' = Len(file) /\ last' = "flushed"
  /\ UNCHANGED <<row, file, stale, sender, line, receiver, ended, sent, lost, left>>
CommitLast ==
  /\ last = "flushed" \/ (~FlushFirst /\ last = "written")
  /\ row' = "whole" /\ last' = "committed"
  /\ UNCHANGED <<file, flushed, stale, sender, line, receiver, ended, sent, lost, left>>
AnswerLast ==
  /\ last = "committed" /\ last' = "no"
  /\ line' = IF line.open THEN [line EXCEPT !.told = Parts] ELSE line
  /\ UNCHANGED <<row, file, flushed, stale, sender, receiver, ended, sent, lost, left>>

(* The sender writes the entry when it was told that the relay has all; or gives the file up. *)
Announce ==
  /\ sender.stage = "sealed" /\ line.open /\ line.told = Parts
  /\ sender' = [sender EXCEPT !.stage = "announced"] /\ line' = NoLine
  /\ UNCHANGED <<row, file, flushed, last, stale, receiver, ended, sent, lost, left>>
GiveUp ==
  /\ IsBegun
  /\ sender' = [sender EXCEPT !.stage = "over"] /\ line' = NoLine
  /\ UNCHANGED <<row, file, flushed, last, stale, receiver, ended, sent, lost, left>>

(* BLOB_DROP of a file that was given up, or that its receiver holds; the file of a row that is gone goes after it. *)
Drop ==
  /\ sender.stage = "over" \/ (sender.stage = "announced" /\ receiver.held)
  /\ row # "none" /\ last = "no" /\ row' = "none"
  /\ UNCHANGED <<file, flushed, last, stale, sender, line, receiver, ended, sent, lost, left>>
Remove ==
  /\ last = "no" /\ file # <<>> /\ (row = "none" \/ stale)
  /\ file' = <<>> /\ flushed' = 0 /\ stale' = FALSE
  /\ UNCHANGED <<row, last, sender, line, receiver, ended, sent, lost, left>>
Expire ==
  /\ left.ticks > 0 /\ left' = [left EXCEPT !.ticks = @ - 1]
  /\ row # "none" /\ last = "no" /\ row' = "none"
  /\ ended' = (ended \/ sender.stage = "announced" \/ line.told = Parts) /\ lost' = lost + Parts + InFlight
  /\ UNCHANGED <<file, flushed, last, stale, sender, line, receiver, sent>>

(* A start: a whole blob without its parts goes, a file without a row goes; the last part of an open one is not
   counted. `parts` are those that the disk still has. *)
Started(parts) ==
  LET good == ~(row = "whole" /\ Len(parts) < Parts) /\ row # "none"
      kept == IF ~good THEN <<>> ELSE IF row = "open" THEN Cut(parts, Least(Len(parts), Parts - 1)) ELSE parts
  IN /\ row' = IF good THEN row ELSE "none"
     /\ file' = kept /\ flushed' = Least(flushed, Len(kept)) /\ last' = "no" /\ stale' = FALSE /\ line' = NoLine
     /\ UNCHANGED <<sender, receiver, ended, sent>>
Kill ==
  /\ left.kills > 0 /\ left' = [left EXCEPT !.kills = @ - 1]
  /\ Started(file) /\ lost' = lost + InFlight
PowerLoss ==
  /\ left.powers > 0 /\ left' = [left EXCEPT !.powers = @ - 1]
  /\ \E count \in flushed..Len(file) : Started(Cut(file, count))
  /\ lost' = lost + Parts + InFlight

(* The sender's process ends: a sealed copy that is whole goes on, one that is not is given up. *)
SenderEnds ==
  /\ left.ends > 0 /\ left' = [left EXCEPT !.ends = @ - 1]
  /\ line' = NoLine /\ lost' = lost + InFlight
  /\ sender' = IF ~SealOnce THEN [sender EXCEPT !.seal = 2]
                ELSE [sender EXCEPT !.stage = IF @ = "sealing" THEN "over" ELSE @]
  /\ UNCHANGED <<row, file, flushed, last, stale, receiver, ended, sent>>

(* The receiver gets parts in order, has what is whole and right on its disk, and tells that it holds it. *)
Get ==
  /\ sender.stage = "announced" /\ row = "whole" /\ ~receiver.safe
  /\ Len(receiver.got) < Least(Parts, Len(file))
  /\ receiver' = [receiver EXCEPT !.got = Append(@, file[Len(receiver.got) + 1])]
  /\ UNCHANGED <<row, file, flushed, last, stale, sender, line, ended, sent, lost, left>>
Keep ==
  /\ Len(receiver.got) = Parts /\ OfOne(receiver.got) /\ ~receiver.safe
  /\ receiver' = [receiver EXCEPT !.safe = TRUE]
  /\ UNCHANGED <<row, file, flushed, last, stale, sender, line, ended, sent, lost, left>>
Hold ==
  /\ ~receiver.held /\ (receiver.safe \/ (~HoldLast /\ Len(receiver.got) = Parts))
  /\ receiver' = [receiver EXCEPT !.held = TRUE]
  /\ UNCHANGED <<row, file, flushed, last, stale, sender, line, ended, sent, lost, left>>
ReceiverLoses ==
  /\ left.powers > 0 /\ left' = [left EXCEPT !.powers = @ - 1] /\ ~receiver.safe
  /\ \E count \in 0..Len(receiver.got) : receiver' = [receiver EXCEPT !.got = Cut(@, count)]
  /\ UNCHANGED <<row, file, flushed, last, stale, sender, line, ended, sent, lost>>

Next ==
  \/ Seal \/ Open \/ Send \/ Put \/ PutAtNone \/ FlushLast \/ CommitLast \/ AnswerLast \/ Announce \/ GiveUp \/ Drop
  \/ Remove \/ Expire \/ Kill \/ PowerLoss \/ SenderEnds \/ Get \/ Keep \/ Hold \/ ReceiverLoses
Spec == Init /\ [][Next]_vars

-----------------------------------------------------------------------------
(* RLY-249, RLY-251: what is called whole has all its parts. *)
WholeIsWhole == row = "whole" => Len(file) = Parts
(* FIL-07: they are of one sealing. *)
OneSealing == row = "whole" => OfOne(file)
(* FIL-12, FIL-14: what the room was told of is at the relay, or with its receiver, or its time was over. *)
NotLost == sender.stage = "announced" /\ ~ended => (row = "whole" /\ Len(file) = Parts) \/ receiver.safe
(* FIL-12: nobody hears of a file that was given up. *)
UnsaidIfOver == sender.stage = "over" => receiver.got = <<>>
(* RLY-241, RLY-249: an end costs what was on its way, a loss of power or of the blob at most the parts again. *)
FewAgain == sent <= Parts + lost
=============================================================================

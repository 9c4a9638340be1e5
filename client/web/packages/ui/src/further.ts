/** What most people never ask a room for: one call of the backend by name, so that a page without it has no list of it. */

import type { Notice } from "./backend.ts";

/** A device of this person. */
export interface OwnDevice {
  readonly id: string;
  readonly createdMs: number;
  readonly isThis: boolean;
  readonly isReachable: boolean;
  readonly isLeaving: boolean;
  /** Of one that was added to the account and taken out again, unknown here, whose `id` are the digits of its record. */
  readonly removedMs: number | null;
}

/** What another device shows: nothing has left this one. */
export interface JoinOffer {
  readonly company: string;
  readonly origin: string;
}

/** A recovery code in its groups, whose it is (ACC-72), and the numbers, from 1 on, of those that are typed back. */
export interface CodeSheet {
  readonly company: string;
  readonly origin: string;
  readonly groups: readonly string[];
  readonly asked: readonly number[];
  readonly isKept: boolean;
}

/** Of what is no code the one group that is in doubt, from 1 on, where that can be told. */
export interface ReadCode {
  readonly isCode: boolean;
  readonly group: number | null;
}

/** Names what one dialog of one tab has under way; a random one, so that no other tab has it. */
export type Handle = string;

/** By the name of the act: what it takes and what it resolves to. */
export interface Further {
  /** Nobody known has the room from here on; nothing happens where nobody is logged in. */
  readonly "sign-out": readonly [given: null, gives: null];
  /** The devices of this person, this one first. */
  readonly devices: readonly [given: null, gives: readonly OwnDevice[]];
  readonly remove: readonly [given: string, gives: null];
  /** Let a further device in: the text that it reads. Then six digits, once it has come; then the person's word. */
  readonly link: readonly [given: Handle, gives: string];
  readonly "link-digits": readonly [given: Handle, gives: string];
  /** Resolves when the device was taken in, and rejects with what has ended the link before. */
  readonly "link-over": readonly [given: Handle, gives: null];
  readonly "link-confirm": readonly [given: Handle, gives: null];
  /** Read what another device shows; `join` says that it is the person's own, and gives six digits. */
  readonly offer: readonly [given: { readonly handle: Handle; readonly text: string }, gives: JoinOffer];
  readonly join: readonly [given: Handle, gives: string];
  readonly "join-done": readonly [given: Handle, gives: null];
  /** The recovery code, to be written down. */
  readonly code: readonly [given: null, gives: CodeSheet];
  /** What was typed of the groups that the sheet asks for; gives the number of the first that is wrong, or null. */
  readonly "code-back": readonly [given: readonly string[], gives: number | null];
  /** Whether what was typed is a code; nothing leaves the device. */
  readonly "code-read": readonly [given: string, gives: ReadCode];
  /** The person, who has lost every device, accepts the notice for these purposes and goes on by the code. */
  readonly recover: readonly [
    given: {
      readonly handle: Handle;
      readonly code: string;
      readonly purposes: readonly number[];
      readonly shown: Notice;
    },
    gives: null,
  ];
  /** The person does not wait any longer: what is under way ends, and what is not made yet is not made. */
  readonly end: readonly [given: Handle, gives: null];
}

export type FurtherAct = keyof Further;

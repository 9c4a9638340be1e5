/** What the application is told, after it is on disk. Hashes and ids are hexadecimal. */

/** How far an entry of ours has come. */
export type Delivery = "waiting" | "sent" | "delivered" | "failed";

export type Phase = "open" | "closed" | "frozen" | "withdrawn" | "erased";

export type CustomerEvent =
  | { readonly type: "connection"; readonly state: "online" | "offline"; readonly code: string }
  | {
      readonly type: "entry";
      readonly room: string;
      readonly entry: string;
      readonly kind: number;
      readonly author: string;
      readonly ours: boolean;
      /** It stands above one that was shown (TRN-27). */
      readonly late: boolean;
    }
  | {
      readonly type: "delivery";
      readonly room: string;
      readonly entry: string;
      readonly state: Delivery;
      readonly code: string;
    }
  | {
      readonly type: "room";
      readonly room: string;
      readonly phase: Phase | null;
      readonly members: readonly string[];
      readonly assigned: string | null;
      readonly sensitive: boolean;
    }
  | { readonly type: "typing"; readonly room: string; readonly author: string }
  | { readonly type: "erased"; readonly room: string; readonly entry: string; readonly destroyed: boolean }
  /** What the company says of an erasure: done, or kept for a reason until a time (ROOM-26). */
  | {
      readonly type: "erasure";
      readonly room: string;
      readonly entries: readonly string[] | null;
      readonly outcome: "done" | "hold" | "class";
      readonly untilMs: number | null;
    }
  | { readonly type: "notice"; readonly number: number }
  | { readonly type: "team"; readonly known: boolean; readonly code: string }
  /** The company appears with other keys: nothing is sent until a person has looked (ID-07). */
  | { readonly type: "identity-alarm"; readonly code: string }
  | {
      readonly type: "gap";
      readonly room: string;
      readonly author: string;
      readonly first: number;
      readonly last: number;
    }
  | {
      readonly type: "finding";
      readonly room: string;
      readonly finding: string;
      readonly author: string;
      readonly n: number;
    }
  | { readonly type: "entry-refused"; readonly room: string; readonly entry: string; readonly code: string }
  | { readonly type: "session"; readonly what: SessionNews; readonly device: string }
  /** So much of a file has come or gone; `file` is an entry, or the id of a file on its way out. */
  | {
      readonly type: "file-progress";
      readonly room: string;
      readonly file: string;
      readonly doneB: number;
      readonly sizeB: number;
      readonly isUpload: boolean;
    }
  | { readonly type: "file-failed"; readonly room: string; readonly file: string; readonly code: string }
  /** What is known of files can be read from now on. */
  | { readonly type: "files-ready" }
  /** A device holds the file of an entry (FIL-14). */
  | { readonly type: "file-held"; readonly room: string; readonly entry: string; readonly device: string }
  /** A file that is not here ends in three days, or has ended (FIL-15). */
  | {
      readonly type: "file-expiring";
      readonly room: string;
      readonly entry: string;
      readonly expiresMs: number;
      readonly isOver: boolean;
    }
  | { readonly type: "file-dropped"; readonly room: string; readonly entry: string }
  /** Another device of this account was taken in, can be reached, or was struck off. */
  | { readonly type: "device"; readonly what: "added" | "reached" | "removed"; readonly device: string }
  /** Another device has this account now, or its list has left this one out (ACC-67). */
  | { readonly type: "replaced"; readonly byCode: boolean }
  | { readonly type: "second-copy" }
  /** Something that came was refused; nothing has changed. */
  | { readonly type: "rejected"; readonly code: string };

export type SessionNews =
  | "started"
  | "proven"
  | "doubt"
  | "gap"
  | "gap_filled"
  | "parted"
  | "rolled_back"
  | "churn"
  | "unreachable"
  | "list_stale";

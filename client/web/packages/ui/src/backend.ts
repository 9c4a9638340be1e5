/** What the screens of the room and of the desk need from whoever holds the keys. Texts are plain text, never HTML. */

/** Where an own message stands, in the words that a person sees. */
export type Delivery = "waiting" | "sent" | "delivered" | "failed";

/** Somebody in a room, as the signed state of the room names them. */
export interface Member {
  readonly id: string;
  readonly name: string;
  readonly kind: "customer" | "person" | "bot";
  readonly team: string | null;
  readonly isSelf: boolean;
}

/** A file of a message: what its sender says of it, and how much of it is here. */
export interface FileOfMessage {
  readonly name: string;
  readonly mediaType: string;
  readonly sizeB: number;
  readonly state: "offered" | "moving" | "here" | "failed" | "gone";
  readonly movedB: number;
}

/** One line of the conversation; `text` is empty once it was erased. */
export interface Message {
  readonly id: string;
  readonly author: string;
  readonly writtenMs: number;
  readonly text: string;
  readonly delivery: Delivery | null;
  readonly replyTo: string | null;
  readonly isEdited: boolean;
  readonly isErased: boolean;
  readonly isSensitive: boolean;
  readonly file: FileOfMessage | null;
}

/** Stops the reports that it was given for. */
export type Unsubscribe = () => void;

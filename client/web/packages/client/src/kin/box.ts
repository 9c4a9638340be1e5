/** A mailbox for the few messages of an invite, and the connection that holds it: for minutes, without a row (ACC-32). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { concat } from "@sealroom/core/bytes.ts";
import { RemoteError } from "@sealroom/core/errors.ts";
import { draw } from "@sealroom/core/ports.ts";
import { ed25519PublicOf } from "@sealroom/core/primitives/sign.ts";
import type { Answer, Frame, Hello } from "@sealroom/core/relay/answers.ts";
import { decodeAnswers } from "@sealroom/core/relay/answers.ts";
import { signAuth, tokenHash } from "@sealroom/core/relay/proofs.ts";
import type { Request } from "@sealroom/core/relay/requests.ts";
import * as requests from "@sealroom/core/relay/requests.ts";
import { Secret } from "@sealroom/core/secret.ts";
import { whyUnusable } from "../engine/links.ts";
import type { Link, Ports } from "../engine/ports.ts";
import { ClientError } from "../errors.ts";

const AGAIN_MS = 1_000;
const ANSWER_MS = 30_000;
const MAX_KEPT = 64;

export interface BoxAddress {
  readonly mailbox: Bytes;
  readonly token: Bytes;
}

export interface Box {
  /** Resolves when the relay has the mailbox, or after half a minute without; rejects where the box was closed. */
  opened(): Promise<unknown>;
  /** The next message; it is acknowledged. */
  receive(): Promise<Bytes>;
  /** Hand a message over, until the relay has it. Rejects with `link.expired` where nobody listens there. */
  send(to: BoxAddress, body: Bytes): Promise<void>;
  /** Delete the mailbox and leave; what waits is rejected with `link.expired`. */
  close(): void;
}

export type BoxPorts = Pick<Ports, "connect" | "work" | "clock" | "random">;

interface Connection {
  readonly link: Link;
  readonly pending: Map<number, (answer: Answer | null) => void>;
  isReady: boolean;
  /** The relay has greeted: it does so once, and asks for one proof of work. */
  isGreeted: boolean;
  /** Aborted where the connection has gone. */
  readonly gone: AbortController;
}

/** Open a mailbox at a relay; a connection that breaks is made again until the box is closed. */
export function openBox(ports: BoxPorts, relayUrl: string, address: BoxAddress): Box {
  const { clock, random } = ports;
  const owner = new Secret("Ed25519 seed", draw(random, 32));
  const ended = new AbortController();
  const received: Bytes[] = [];
  const wanting: ((body: Bytes) => void)[] = [];
  const readied: (() => void)[] = [];
  let connection: Connection | null = null;
  let lastId = 0;

  const over = () => new ClientError("link.expired", "the invite has ended");
  const pause = (ms: number) => new Promise<void>((done) => void clock.wake(clock.nowMs() + ms, done));

  function connect(): void {
    if (ended.signal.aborted) return;
    const pending: Connection["pending"] = new Map();
    const link = ports.connect(relayUrl, {
      opened: () => {},
      received: (message) => take(made, message),
      closed: () => broke(made),
    });
    const made: Connection = { link, pending, isReady: false, isGreeted: false, gone: new AbortController() };
    connection = made;
  }

  function broke(made: Connection): void {
    if (connection !== made) return;
    connection = null;
    made.link.close();
    made.gone.abort();
    for (const answered of made.pending.values()) answered(null);
    void pause(AGAIN_MS).then(() => connection === null && connect());
  }

  function take(made: Connection, message: Bytes): void {
    if (connection !== made) return;
    let frames: readonly Frame[];
    try {
      frames = decodeAnswers(message);
    } catch (error) {
      if (!(error instanceof RemoteError)) throw error;
      broke(made);
      return;
    }
    for (const frame of frames) takeFrame(made, frame);
  }

  function takeFrame(made: Connection, frame: Frame): void {
    if ("answer" in frame) {
      made.pending.get(frame.requestId)?.(frame.answer);
      return;
    }
    if (!("push" in frame)) return;
    if (frame.push.name === "hello") greeted(made, frame.push);
    if (frame.push.name !== "message") return;
    const { body, mailbox, seq } = frame.push;
    void ask(made, requests.acknowledge(mailbox, [seq]));
    const want = wanting.shift();
    if (want !== undefined) want(body);
    else if (received.length < MAX_KEPT) received.push(body);
  }

  /** The first greeting counts; a relay that is of no use is not asked for anything (RLY-11, RLY-142). */
  function greeted(made: Connection, hello: Hello): void {
    if (made.isGreeted || whyUnusable(hello) !== "") return;
    made.isGreeted = true;
    void setUp(made, hello);
  }

  function ask(made: Connection, request: Request): Promise<Answer | null> {
    lastId += 1;
    const id = lastId;
    return new Promise((done) => {
      const stop = clock.wake(clock.nowMs() + ANSWER_MS, () => answered(null));
      const answered = (answer: Answer | null): void => {
        stop();
        made.pending.delete(id);
        done(answer);
      };
      made.pending.set(id, answered);
      made.link.send(requests.encodeRequest(id, request));
    });
  }

  async function setUp(made: Connection, hello: Hello): Promise<void> {
    const ownerPublic = ed25519PublicOf(owner);
    const { mailbox } = address;
    const context = concat(hello.nonce, mailbox, ownerPublic);
    const bits = hello.powBitsCreate;
    const signal = AbortSignal.any([ended.signal, made.gone.signal]);
    const work = bits === 0 ? new Uint8Array(0) : await ports.work(context, bits, signal).catch(() => null);
    if (work === null) return;
    const signature = signAuth(owner, hello.relayName, hello.nonce, [mailbox]);
    const steps = [
      requests.create(mailbox, ownerPublic, work),
      requests.authenticate([mailbox], ownerPublic, signature),
      requests.addTokens(mailbox, [tokenHash(address.token)], requests.CLASS_CONTACT),
      requests.subscribe([mailbox]),
    ];
    for (const step of steps) {
      const answer = await ask(made, step);
      const isDone = answer?.name === "done" || (answer?.name === "auth_result" && answer.refused.length === 0);
      if (!isDone) {
        broke(made);
        return;
      }
    }
    made.isReady = true;
    for (const go of readied.splice(0)) go();
  }

  async function ready(): Promise<Connection> {
    while (connection === null || !connection.isReady) {
      if (ended.signal.aborted) throw over();
      await new Promise<void>((go) => readied.push(go));
    }
    return connection;
  }

  connect();
  return {
    opened: () => Promise.race([ready(), pause(ANSWER_MS)]),
    receive: () => {
      const [first] = received.splice(0, 1);
      if (first !== undefined) return Promise.resolve(first);
      if (ended.signal.aborted) return Promise.reject(over());
      return new Promise((got, failed) => {
        wanting.push(got);
        ended.signal.addEventListener("abort", () => failed(over()), { once: true });
      });
    },
    send: async (to, body) => {
      const item = { ...to, msgId: draw(random, 16), pow: new Uint8Array(0), body };
      // An attempt that nobody answered may have come, and the mailbox be gone by it (ACC-32).
      let isInDoubt = false;
      for (;;) {
        const answer = await ask(await ready(), requests.send([item]));
        const code = answer?.name === "send_results" ? answer.results[0]?.code : requests.UNAVAILABLE;
        if (code === requests.OK || (code === requests.DENIED && isInDoubt)) return;
        if (code === requests.DENIED || ended.signal.aborted) throw over();
        isInDoubt ||= answer === null;
        await pause(AGAIN_MS);
      }
    },
    close: () => {
      if (ended.signal.aborted) return;
      ended.abort();
      for (const go of readied.splice(0)) go();
      const made = connection;
      connection = null;
      if (made === null) return;
      void ask(made, requests.deleteMailbox(address.mailbox)).then(() => made.link.close());
    },
  };
}

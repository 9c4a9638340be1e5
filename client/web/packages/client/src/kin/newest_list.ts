/** The newest list of an account by the directory, asked for once, on a connection of its own (ACC-64). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { CoreError } from "@sealroom/core/errors.ts";
import type { DeviceList } from "@sealroom/core/identity/list.ts";
import { verifyList } from "@sealroom/core/identity/list.ts";
import type { Answer, Frame } from "@sealroom/core/relay/answers.ts";
import { decodeAnswers } from "@sealroom/core/relay/answers.ts";
import * as requests from "@sealroom/core/relay/requests.ts";
import { whyUnusable } from "../engine/links.ts";
import type { Link, Ports } from "../engine/ports.ts";
import { ClientError } from "../errors.ts";

const LOOKUP_MS = 30_000;
const MAX_PAGES = 64;

/**
 * Null where the directory has none of this account.
 *
 * @throws ClientError `relay.unavailable`: no answer, none of the protocol, or `signal` was aborted
 */
export function newestList(
  { connect, clock }: Pick<Ports, "connect" | "clock">,
  relayUrl: string,
  accountId: Bytes,
  signal: AbortSignal | null = null,
): Promise<DeviceList | null> {
  const { promise, resolve, reject } = Promise.withResolvers<DeviceList | null>();
  let newest: DeviceList | null = null;
  let pages = 0;
  let isOver = false;

  function end(): void {
    isOver = true;
    signal?.removeEventListener("abort", fail);
    unwake();
    link.close();
  }
  function fail(): void {
    if (isOver) return;
    end();
    reject(new ClientError("relay.unavailable", "the relay does not answer as it should"));
  }
  function ask(): void {
    pages += 1;
    if (pages > MAX_PAGES) fail();
    else link.send(requests.encodeRequest(pages, requests.lookUp(accountId, newest?.seq ?? 0)));
  }
  function found(): void {
    end();
    resolve(newest);
  }
  function take(answer: Answer): void {
    const isNone = answer.name === "error" && answer.code === requests.NOT_FOUND;
    if (answer.name === "lookup_result") {
      for (const signed of answer.lists) newest = newerOf(accountId, newest, signed);
      if (answer.more) ask();
      else found();
    } else if (isNone) found();
    else fail();
  }
  function takeFrame(frame: Frame): void {
    if (isOver) return;
    if ("answer" in frame && frame.requestId === pages) take(frame.answer);
    if (!("push" in frame) || frame.push.name !== "hello" || pages > 0) return;
    if (whyUnusable(frame.push) === "") ask();
    else fail();
  }
  function received(message: Bytes): void {
    try {
      decodeAnswers(message).forEach(takeFrame);
    } catch (error) {
      if (!(error instanceof CoreError)) throw error;
      fail();
    }
  }

  const unwake = clock.wake(clock.nowMs() + LOOKUP_MS, fail);
  const link: Link = connect(relayUrl, { opened: () => {}, received, closed: fail });
  signal?.addEventListener("abort", fail);
  if (signal?.aborted) fail();
  return promise;
}

/** A list that the account has signed and that is newer than the known one, else that. */
function newerOf(accountId: Bytes, known: DeviceList | null, signed: Bytes): DeviceList | null {
  try {
    const list = verifyList(accountId, signed);
    return known === null || list.seq > known.seq ? list : known;
  } catch (error) {
    if (error instanceof CoreError) return known;
    throw error;
  }
}

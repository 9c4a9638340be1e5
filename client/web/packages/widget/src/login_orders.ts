/** What a page asks for whose persons have a login: a challenge, a token, the end of it. A part of the page of its own. */

import type { RoomBackend } from "@sealroom/ui/backend.ts";
import type { Page } from "./port.ts";
import type { Order } from "./vault.ts";

/** Carry out an order; one that is not known is refused. */
export async function carryOut(order: Order, page: Page, backend: RoomBackend): Promise<object | undefined> {
  if (order.do === "challenge") return { challenge: await challengeOf(backend, page) };
  else if (order.do === "identify") await answered(page, String(order.value ?? ""));
  else if (order.do === "signOut") await backend.further("sign-out", null);
  else throw Object.assign(new Error(order.do), { code: "local.unsupported" });
  return undefined;
}

const tokens = new WeakMap<Page, (token: string) => Promise<void>>();

/** Ask the room for the challenge that the company's login signs; the token follows by `identify`. */
function challengeOf(backend: RoomBackend, page: Page): Promise<unknown> {
  return new Promise((asked, failed) => {
    const sign = (challenge: unknown) =>
      new Promise<string>((signed) => {
        tokens.set(page, (token) => {
          signed(token);
          return identified;
        });
        asked(challenge);
      });
    const identified = backend.identify(sign);
    identified.catch(failed);
  });
}

/** The page is told what came of its token. */
async function answered(page: Page, token: string): Promise<void> {
  const signed = tokens.get(page);
  if (signed === undefined) throw Object.assign(new Error("no challenge"), { code: "local.unsupported" });
  tokens.delete(page);
  await signed(token);
}

/** A browser that does not answer when its database is to be opened (STO-62). */
import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { openDatabase } from "../src/store/database.ts";

type Upgrade = (event: { readonly oldVersion: number }) => void;

/** What was asked for, and how often what it made was taken back. */
function silent() {
  const asked = {
    onupgradeneeded: null as unknown as Upgrade,
    transaction: { abort: () => void aborted++ },
    result: {},
  };
  let aborted = 0;
  Object.assign(globalThis, { indexedDB: { open: () => asked } });
  return { asked, aborted: () => aborted };
}

test("a database that is not opened in 20 seconds is told as one that the browser does not give now (STO-62)", async (t) => {
  t.after(() => {
    mock.timers.reset();
    Object.assign(globalThis, { indexedDB: undefined });
  });
  for (const fill of [null, () => assert.fail("nothing is made in what comes late")]) {
    mock.timers.enable({ apis: ["setTimeout"] });
    const { asked, aborted } = silent();
    const opening = openDatabase("sealroom", fill);
    let isOver = false;
    opening.catch(() => {
      isOver = true;
    });
    mock.timers.tick(19_999);
    await new Promise((done) => setImmediate(done));
    assert.equal(isOver, false);
    mock.timers.tick(1);
    await assert.rejects(opening, { code: "store.closed" });
    asked.onupgradeneeded({ oldVersion: 0 });
    assert.equal(aborted(), 1);
    mock.timers.reset();
  }
});

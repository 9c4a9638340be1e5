/**
 * What is computed of the same bytes is computed once in a process: the worlds of most cases begin alike.
 *
 * Loaded before the cases: `node --import ./packages/client/tests/remembered.ts --test ...`. The core's own tests run
 * without it. What a signature or a key is refused for is found anew each time.
 */
import { registerHooks } from "node:module";

const KEPT = /\/core\/src\/primitives\/(sign|dh)\.ts$/;

registerHooks({
  resolve(specifier, context, next) {
    const found = next(specifier, context);
    const name = KEPT.exec(found.url)?.[1];
    if (name === undefined) return found;
    const url = new URL(`remembered_${name}.ts`, import.meta.url).href;
    return context.parentURL === url ? found : { ...found, url };
  },
});

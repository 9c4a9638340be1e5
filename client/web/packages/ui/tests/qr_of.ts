/** For a test in Python: the modules of a text's code, a line a row. Arguments: text, mask (none: the best). */
import { qrOf } from "../src/qr.ts";

const [text = "", mask] = process.argv.slice(2);
for (const row of qrOf(text, mask === undefined ? null : Number(mask))) console.log([...row].join(""));

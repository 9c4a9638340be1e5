/** The page of the desk. */

import { sheet } from "@sealroom/ui/dom.ts";
import { defineDesk } from "./app.ts";

document.adoptedStyleSheets = [
  sheet("html, body { margin: 0; height: 100%; background: light-dark(#ffffff, #14171c); color-scheme: light dark; }"),
];
defineDesk();
document.body.append(document.createElement("seal-desk"));

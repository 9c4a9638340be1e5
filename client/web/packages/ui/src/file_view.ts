/** A file in a message: name, size, progress, and what can be done; an image is shown from its own bytes only. */

import { icon } from "./all_icons.ts";
import type { FileOfMessage } from "./backend.ts";
import { h } from "./dom.ts";
import { faultOf } from "./file_fault.ts";
import { part } from "./part.ts";
import type { RowContext } from "./row_view.ts";

/** Images that are shown: pixels alone, never a page or a program such as SVG, HTML or PDF (FIL-20). */
const SHOWN: readonly string[] = ["image/gif", "image/jpeg", "image/png", "image/webp"];
const MAX_SHOWN_B = 20_971_520;

function isShown({ canPreview, mediaType, sizeB }: FileOfMessage): boolean {
  return canPreview && SHOWN.includes(mediaType) && sizeB <= MAX_SHOWN_B;
}

export function fileView(id: string, file: FileOfMessage, context: RowContext): HTMLElement {
  const element = h("div", null);
  if (isShown(file) && file.state === "here") element.append(previewView(id, file, context));
  const about = h("div", null, h("div", { class: "name", dir: "auto" }, file.name), metaView(file, context));
  const row = h("div", { class: "file" }, icon("file"), about);
  if (file.state === "moving") row.append(progressView(file, context));
  if (file.state === "failed") row.append(h("p", { class: "failing meta" }, faultOf(file.failure, context.words)));
  const acts = actsOf(id, file, context);
  if (acts.length > 0) row.append(h("div", { class: "acts" }, ...acts));
  element.append(row);
  return element;
}

function metaView(file: FileOfMessage, { words, clock, nowMs }: RowContext): HTMLElement {
  // Progress says the size by itself.
  const size = file.state === "gone" ? words("file.gone") : file.state === "moving" ? null : clock.size(file.sizeB);
  const until = file.untilMs === null ? null : words("file.until", { when: clock.day(file.untilMs, nowMs) });
  return h("div", { class: "meta" }, size, until === null ? null : h("div", { class: "until" }, until));
}

function progressView(file: FileOfMessage, { words, clock }: RowContext): HTMLElement {
  const said = words("file.moving", { done: clock.size(file.movedB), all: clock.size(file.sizeB) });
  const label = words("file.progress", { name: file.name });
  const bar = h("progress", { max: Math.max(1, file.sizeB), value: file.movedB, "aria-label": label });
  return h("div", { class: "moving" }, bar, h("div", { class: "meta" }, said));
}

function actsOf(id: string, file: FileOfMessage, { words, actions }: RowContext): readonly HTMLElement[] {
  const button = (word: string, act: () => void, glyph: "save" | "eye" | null = null) =>
    h("button", { class: "button small", type: "button", onclick: act }, glyph && icon(glyph), word);
  const save = button(words("file.save"), () => actions.saveFile(id), "save");
  const discard = button(words("file.discard"), () => actions.cancelFile(id));
  switch (file.state) {
    case "gone":
      return [];
    case "moving":
      return [button(words("file.cancel"), () => actions.cancelFile(id))];
    case "failed":
      return [
        ...(file.canRetry === false ? [] : [button(words("file.retry"), () => actions.retry(id))]),
        ...(file.isUpload ? [discard] : []),
      ];
    case "offered":
      return isShown(file) ? [button(words("file.show"), () => actions.fetchFile(id), "eye"), save] : [save];
    case "here":
      return [save];
  }
}

function previewView(id: string, file: FileOfMessage, { words, actions }: RowContext): HTMLElement {
  const image = h("img", { class: "preview", alt: words("file.preview", { name: file.name }), decoding: "async" });
  image.hidden = true;
  const free = () => URL.revokeObjectURL(image.src);
  const unshown = () => image.replaceWith(h("p", { class: "meta" }, words("file.unshown")));
  image.addEventListener("load", free, { once: true });
  image.addEventListener("error", () => [free(), unshown()], { once: true });
  // Of a row that is drawn again the image of before stays, and this one is never in the page.
  const read = () => (image.isConnected ? actions.preview(id) : Promise.reject(new Error("not in the page")));
  void shownPixels(read, file.mediaType).then(
    (blob) => {
      if (blob === null) return unshown();
      image.src = URL.createObjectURL(blob);
      image.hidden = false;
    },
    () => image.remove(),
  );
  return image;
}

/** The bytes that were judged, under their type and no other; null where they say too many pixels, or none (FIL-21). */
async function shownPixels(read: () => Promise<Blob>, mediaType: string): Promise<Blob | null> {
  const { isShownSize } = await part("image_size", () => import("./image_size.ts"));
  const data = await (await read()).arrayBuffer();
  return isShownSize(new Uint8Array(data), mediaType) ? new Blob([data], { type: mediaType }) : null;
}

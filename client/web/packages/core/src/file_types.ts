/** Which types of files are sent, and what a file is by what it holds, never by its name (FIL-09, FIL-10). */

import { concat } from "./bytes.ts";
import { RemoteError } from "./errors.ts";

const ODF = "application/vnd.oasis.opendocument.";
const OFFICE = "application/vnd.openxmlformats-officedocument.";

/** The types that are sent, each with the endings that names of its files have (FIL-09). */
const ENDINGS: Readonly<Record<string, string>> = {
  "application/pdf": "pdf",
  [`${ODF}presentation`]: "odp",
  [`${ODF}spreadsheet`]: "ods",
  [`${ODF}text`]: "odt",
  [`${OFFICE}presentationml.presentation`]: "pptx",
  [`${OFFICE}spreadsheetml.sheet`]: "xlsx",
  [`${OFFICE}wordprocessingml.document`]: "docx",
  "audio/flac": "flac",
  "audio/mp4": "m4a mp4",
  "audio/mpeg": "mp3",
  "audio/ogg": "ogg oga opus",
  "audio/wav": "wav",
  "image/avif": "avif",
  "image/gif": "gif",
  "image/heic": "heic heif",
  "image/jpeg": "jpg jpeg",
  "image/png": "png",
  "image/tiff": "tif tiff",
  "image/webp": "webp",
  "text/plain": "txt csv md log",
  "video/mp4": "mp4 m4v",
  "video/quicktime": "mov",
  "video/webm": "webm mkv",
};

/** How files of a type begin, one character a byte. */
const BEGINS: readonly (readonly [begins: string, mediaType: string])[] = [
  ["%PDF-", "application/pdf"],
  ["\xff\xd8\xff", "image/jpeg"],
  ["\x89PNG\r\n\x1a\n", "image/png"],
  ["GIF87a", "image/gif"],
  ["GIF89a", "image/gif"],
  ["II*\0", "image/tiff"],
  ["MM\0*", "image/tiff"],
  ["ID3", "audio/mpeg"],
  ["\xff\xfb", "audio/mpeg"],
  ["\xff\xf3", "audio/mpeg"],
  ["\xff\xf2", "audio/mpeg"],
  ["OggS", "audio/ogg"],
  ["fLaC", "audio/flac"],
  ["\x1a\x45\xdf\xa3", "video/webm"],
];
/** What stands behind `RIFF` and a size. */
const RIFF: ReadonlyMap<string, string> = new Map([
  ["WEBP", "image/webp"],
  ["WAVE", "audio/wav"],
]);
/** What stands behind `ftyp`: brands of four letters. */
const BRANDS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    "image/heic": "heicheixmif1msf1",
    "image/avif": "avifavis",
    "audio/mp4": "M4A M4B ",
    "video/mp4": "isomiso2iso4iso5iso6mp41mp42avc1M4V dash3gp43gp5",
    "video/quicktime": "qt  ",
  }).flatMap(([mediaType, brands]) => (brands.match(/.{4}/g) ?? []).map((brand) => [brand, mediaType] as const)),
);
const ZIP = "PK\x03\x04";
/** From the beginning of a part of an archive to its name. */
const TO_NAME = `${ZIP}.{26}`;
const ZIP_NAME = new RegExp(`${TO_NAME}(\\[Content_Types\\]\\.xml|word/|xl/|ppt/)`, "gs");
const ODF_NAME = new RegExp(`^${TO_NAME}mimetype(application/vnd\\.oasis\\.opendocument\\.[a-z]+)PK`, "s");
const MACROS = new RegExp(`vbaproject|/activex|${TO_NAME}(?:basic|scripts)/`, "is");
const PARTS: Readonly<Record<string, string>> = {
  "word/": `${OFFICE}wordprocessingml.document`,
  "xl/": `${OFFICE}spreadsheetml.sheet`,
  "ppt/": `${OFFICE}presentationml.presentation`,
};
const OVERLAP_B = 64;
const HEAD_B = 4_096;
const BEGIN_B = 8;
const MOST_AT_ONCE_B = 8_192;
/** How text begins that a program would carry out or show as a page. */
const ACTIVE = /^(?:<|#!|MZ|\{\\rtf|@echo)/i;
/** Bytes that may stand before the beginning of a text, however many: spaces, ends of lines, U+FEFF. */
const BLANK = /^[ \t\n\v\f\r\xef\xbb\xbf]+/;
const DELETE = 0x7f;
const SPACE = 0x20;
/** Tab, line feed, form feed, return. */
const IN_TEXTS: readonly number[] = [9, 10, 12, 13];

function refused(): RemoteError {
  return new RemoteError("file.type", "a file of no type that is sent, or of another than is said");
}

/**
 * Refuse a name whose ending is not one of the type's, and a type that is not sent (FIL-09).
 *
 * @throws RemoteError `file.type`
 */
export function checkFileName(name: string, mediaType: string): void {
  const ending = name.slice(name.lastIndexOf(".") + 1);
  const endings = Object.hasOwn(ENDINGS, mediaType) ? (ENDINGS[mediaType] as string).split(" ") : [];
  // What is not ASCII has other lower letters than this (U+212A is a k).
  const isAscii = [...ending].every((letter) => letter < "\x80");
  if (!isAscii || !endings.includes(ending.toLowerCase())) throw refused();
}

/** One character for each byte. */
function latin1(data: Uint8Array): string {
  let text = "";
  for (let at = 0; at < data.length; at += MOST_AT_ONCE_B) {
    text += String.fromCharCode(...data.subarray(at, at + MOST_AT_ONCE_B));
  }
  return text;
}

/** What a file holds, told block by block in constant memory (FIL-10). */
export interface FileContent {
  /** Look at the next block of the file. */
  take(block: Uint8Array): void;
  /**
   * The type of the file, all of which was taken.
   *
   * @throws RemoteError `file.type`
   */
  mediaType(): string;
}

export function fileContent(): FileContent {
  let head = new Uint8Array(0);
  const text = textContent();
  const archive = archiveContent();
  return {
    take: (block) => {
      if (head.length < HEAD_B) head = concat(head, block.subarray(0, HEAD_B - head.length));
      text.take(block);
      if (ZIP.startsWith(latin1(head.subarray(0, ZIP.length)))) archive.take(block);
    },
    mediaType: () => {
      const begins = latin1(head);
      if (begins.startsWith(ZIP)) return archive.mediaType(begins);
      const found = typeOfHead(begins);
      if (found !== undefined) return found;
      if (!text.isText()) throw refused();
      return "text/plain";
    },
  };
}

function typeOfHead(head: string): string | undefined {
  if (head.slice(4, 8) === "ftyp") return BRANDS.get(head.slice(8, 12));
  if (head.startsWith("RIFF")) return RIFF.get(head.slice(8, 12));
  return BEGINS.find(([begins]) => head.startsWith(begins))?.[1];
}

/** Whether it is text: UTF-8 without controls that does not begin like markup or a script. */
function textContent(): { take(block: Uint8Array): void; isText(): boolean } {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let begin = "";
  let isText = true;
  /** Whether all that was decoded makes whole letters, and none is a control above ASCII. */
  function decodes(block: Uint8Array, stream: boolean): boolean {
    try {
      return !/[\x80-\x9f]/.test(decoder.decode(block, { stream }));
    } catch {
      return false;
    }
  }
  return {
    take: (block) => {
      if (!isText) return;
      for (let at = 0; begin.length < BEGIN_B && at < block.length; at += MOST_AT_ONCE_B) {
        begin = (begin + latin1(block.subarray(at, at + MOST_AT_ONCE_B))).replace(BLANK, "").slice(0, BEGIN_B);
      }
      isText = !block.some(isControl) && decodes(block, true);
    },
    isText: () => isText && decodes(new Uint8Array(0), false) && !ACTIVE.test(begin),
  };
}

function isControl(byte: number): boolean {
  return byte === DELETE || (byte < SPACE && !IN_TEXTS.includes(byte));
}

/** An office document by the names of its parts, and without macros. */
function archiveContent(): { take(block: Uint8Array): void; mediaType(begins: string): string } {
  let overlap = "";
  let hasMacros = false;
  const names = new Set<string>();
  return {
    take: (block) => {
      for (let at = 0; at < block.length; at += HEAD_B) {
        const seen = overlap + latin1(block.subarray(at, at + HEAD_B));
        for (const [, name] of seen.matchAll(ZIP_NAME)) names.add(name as string);
        hasMacros ||= MACROS.test(seen);
        overlap = seen.slice(-OVERLAP_B);
      }
    },
    mediaType: (begins) => {
      const odf = ODF_NAME.exec(begins)?.[1];
      const office = names.has("[Content_Types].xml") ? [...names].flatMap((name) => PARTS[name] ?? []) : [];
      const types = odf === undefined ? office : [odf];
      const [only] = types;
      if (hasMacros || only === undefined || types.length !== 1 || !Object.hasOwn(ENDINGS, only)) throw refused();
      return only;
    },
  };
}

/**
 * Refuse a file whose content, announced type and name do not belong together (FIL-09, FIL-10).
 *
 * @throws RemoteError `file.type`
 */
export function checkFile(name: string, mediaType: string, content: FileContent): void {
  checkFileName(name, mediaType);
  if (content.mediaType() !== mediaType) throw refused();
}

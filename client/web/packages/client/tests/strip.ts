/** Removes metadata, and tells types, for tests in Python: a line with a type and bytes as hexadecimal comes in, one goes out. */
import { createInterface } from "node:readline";
import { hex, unhex } from "@sealroom/core/bytes.ts";
import { fileContent } from "@sealroom/core/file_types.ts";
import { codeOf } from "../src/errors.ts";
import { stripped } from "../src/files/image_metadata.ts";

function told(step: () => string): string {
  try {
    return step();
  } catch (error) {
    const code = codeOf(error);
    if (code === null) throw error;
    return code;
  }
}

function typeOf(data: Uint8Array): string {
  const content = fileContent();
  content.take(data);
  return content.mediaType();
}

for await (const line of createInterface({ input: process.stdin })) {
  const [mediaType = "", bytes = ""] = line.split(" ");
  const data = unhex(bytes);
  process.stdout.write(`${told(() => typeOf(data))} ${told(() => hex(stripped(data, mediaType)))}\n`);
}

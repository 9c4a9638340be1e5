/** What the code of files uses of this bundle; it is handed over, so that it needs no copy of its own (`files/host.ts`). */

import { SIGNAL } from "@sealroom/core/content.ts";
import {
  checkHash,
  checkSizes,
  corrupt,
  hashOfParts,
  openChunk,
  paddedSizeB,
  sealChunk,
} from "@sealroom/core/files.ts";
import { decodeAnswers } from "@sealroom/core/relay/answers.ts";
import { blobHash } from "@sealroom/core/relay/proofs.ts";
import { CODE_NAMES, dropBlob, encodeRequest, getParts, openBlob, putPart } from "@sealroom/core/relay/requests.ts";
import { isFileName } from "@sealroom/core/rooms/payloads.ts";
import type { FileKey } from "@sealroom/core/secret.ts";
import { Secret } from "@sealroom/core/secret.ts";
import { bytesOf, RowReader, row, stored } from "./engine/codec.ts";
import { ask as askLink } from "./engine/links.ts";
import { checkWriting } from "./engine/rooms/consenting.ts";
import { Draft } from "./engine/rooms/draft.ts";
import { checkPhase, recipients } from "./engine/rooms/judging.ts";
import { stepIn } from "./engine/rooms/rooms.ts";
import { payloadOf } from "./engine/rooms/wordings.ts";
import { write } from "./engine/rooms/writing.ts";
import { teamOrNone } from "./engine/team.ts";

export const fileTools = {
  ...{ checkHash, checkSizes, corrupt, hashOfParts, openChunk, paddedSizeB, sealChunk },
  ...{ decodeAnswers, blobHash, CODE_NAMES, dropBlob, encodeRequest, getParts, openBlob, putPart },
  ...{ bytesOf, RowReader, row, stored, askLink, isFileName },
  ...{ checkWriting, Draft, checkPhase, recipients, stepIn, payloadOf, write, teamOrNone, SIGNAL },
  fileKey: (data: Uint8Array): FileKey => new Secret("file key", data),
};

export type FileTools = typeof fileTools;

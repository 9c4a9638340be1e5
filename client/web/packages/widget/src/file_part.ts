/** The part of the page for files. */

export * from "@sealroom/client/files/file_service.ts";

import { join } from "node:path";

/** Top folder of the repository. */
export const REPOSITORY: string = join(import.meta.dirname, "../../..");

/** Folder that holds the languages' sources. */
export const CLIENTS: string = join(import.meta.dirname, "..");

/** Folder with the one proto file. */
export const PROTO: string = join(CLIENTS, "proto");

/** Folder for built programs; it goes with node_modules. */
export const CACHE: string = join(REPOSITORY, "node_modules/.cache/isobar-clients");

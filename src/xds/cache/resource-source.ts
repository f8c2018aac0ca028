import type { ClientView } from "../resources/client-view.ts";
import type { EncodedResource } from "../resources/encoded-resource.ts";
import type { TypeUrl } from "../resources/type-url.ts";

/** Resources that may have changed, or be new or gone, because of one service. */
export interface ResourceChange {
  /** Canonical name of the service: its changes are put together if they come quickly. */
  readonly service: string;
  readonly resources: readonly { readonly type: TypeUrl; readonly name: string }[];
}

/** What the server needs to know of where resources come from. */
export interface ResourceSource {
  /** Whether everything has been given once. Before, nothing is answered: what is not there yet would look as if it were gone. */
  readonly isSynced: boolean;
  /** @returns the resource as such a client is given it; undefined if there is none. */
  find(type: TypeUrl, name: string, view: ClientView): EncodedResource | undefined;
  /** @returns the names of all resources that a client gets which asks for everything. */
  names(type: TypeUrl, view: ClientView): Iterable<string>;
  /** @param onChange called at each change, within the call that causes it. @param onSynced called when {@link isSynced} becomes true. */
  watch(onChange: (change: ResourceChange) => void, onSynced: () => void): void;
}

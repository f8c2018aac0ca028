import type { ClientView } from "../resources/client-view.ts";
import type { EncodedResource } from "../resources/encoded-resource.ts";
import type { TypeUrl } from "../resources/type-url.ts";

/** Resources that may have changed, or be new or gone, because of one service. */
export interface ResourceChange {
  /** Canonical name of the service: its changes are put together if they come quickly. */
  readonly service: string;
  readonly resources: readonly { readonly type: TypeUrl; readonly name: string }[];
}

/** Which services somebody may call. */
export interface ServiceFilter {
  /** Equal for filters that let the same through. */
  readonly key: string;
  /** The node that it is the proxy of; undefined for other clients. */
  readonly node?: string | undefined;
  /** @param service canonical name. */
  mayCall(service: string): boolean;
}

/** What the server needs to know of where resources come from. */
export interface ResourceSource {
  /** Whether everything has been given once. Before, nothing is answered: what is not there yet would look as if it were gone. */
  readonly isSynced: boolean;
  /**
   * @param filter leaves out what of a resource about all services is not for the client; default: nothing.
   * @returns the resource as such a client is given it; undefined if there is none.
   */
  find(type: TypeUrl, name: string, view: ClientView, filter?: ServiceFilter): EncodedResource | undefined;
  /** @returns the names of all resources that a client gets which asks for everything. */
  names(type: TypeUrl, view: ClientView): Iterable<string>;
  /** @returns the canonical name of the service that a resource belongs to; "" for one that belongs to none, undefined if there is no such resource. */
  serviceOf(type: TypeUrl, name: string): string | undefined;
  /** @returns the services whose routes lead to this one. */
  leadingTo(service: string): Iterable<string>;
  /** @param onChange called at each change, within the call that causes it. @param onSynced called when {@link isSynced} becomes true. */
  watch(onChange: (change: ResourceChange) => void, onSynced: () => void): void;
}

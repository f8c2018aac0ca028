/** An endpoint that a control plane lists, as connections and calls know it. Who comes after it in its slot is another object. */
export interface ListedEndpoint {
  readonly slot: number;
  readonly generation: number;
  /** Its identity: resource/endpoint.ts, endpointKey. */
  readonly key: string;
  readonly address: string;
  readonly port: number;
}

/** Where a proxy runs, as endpoints name the same places; "" is not known, and near to nothing. */
export interface Place {
  readonly node: string;
  readonly zone: string;
  readonly region: string;
}

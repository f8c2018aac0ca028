/** Request methods that mean something to a gRPC proxy. */
export const MethodCode = {
  /** No `:method` (responses and trailers). */
  none: 0,
  other: 1,
  get: 2,
  post: 3,
  connect: 4,
} as const;
export type MethodCode = (typeof MethodCode)[keyof typeof MethodCode];

/**
 * Steps of a few nanoseconds each that make a share of a table that is made over several turns of the loop: a tenth or two of a millisecond, in which no request is served.
 * A power of two.
 */
export const SHARE_STEPS = 16_384;

/**
 * @param worker number of the data-plane thread. @param number of the record, as that thread counts them.
 * @returns the name by which `isobar explain` and spans speak of a recorded pick; one of a proxy, as long as the thread lives.
 */
export function pickId(worker: number, number: number): string {
  return `${worker}-${number}`;
}

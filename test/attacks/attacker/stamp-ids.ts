const HEAD_OCTETS = 9;

/**
 * Repeats a few frames with the ids of other streams.
 *
 * @param unit frames of one stream; every id in them that is not 0 is replaced.
 * @param ids one for each repetition.
 */
export function stampIds(unit: Buffer, ids: readonly number[]): Buffer {
  const places: number[] = [];
  for (let at = 0; at < unit.length; at += HEAD_OCTETS + unit.readUIntBE(at, 3)) {
    if (unit.readUInt32BE(at + 5) !== 0) places.push(at + 5);
  }
  const octets = Buffer.allocUnsafe(unit.length * ids.length);
  ids.forEach((id, i) => {
    unit.copy(octets, i * unit.length);
    for (const place of places) octets.writeUInt32BE(id, i * unit.length + place);
  });
  return octets;
}

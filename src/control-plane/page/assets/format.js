/** What stands where nobody has said anything. */
export const UNKNOWN = "–";

/** @param {number | null} value per second @returns {string} */
export function rate(value) {
  if (value === null) return UNKNOWN;
  if (value >= 10_000) return `${(value / 1_000).toFixed(1)}k`;
  return value >= 100 || value === 0 ? value.toFixed(0) : value.toFixed(1);
}

/** @param {number | null} share 0 to 1 @returns {string} */
export function percent(share) {
  if (share === null) return UNKNOWN;
  const percents = share * 100;
  return `${percents === 0 || percents >= 10 ? percents.toFixed(0) : percents.toFixed(1)} %`;
}

/** @param {number | null} value milliseconds @returns {string} */
export function ms(value) {
  if (value === null) return UNKNOWN;
  return value >= 1_000
    ? `${(value / 1_000).toFixed(1)} s`
    : `${value >= 10 ? value.toFixed(0) : value.toFixed(1)} ms`;
}

/** @param {number | null | undefined} value @returns {string} */
export function ratio(value) {
  return value === null || value === undefined ? UNKNOWN : value.toFixed(2);
}

/** @param {number} value @returns {string} */
export function count(value) {
  return value.toLocaleString("en");
}

/** @param {string} iso @param {number} nowMs @returns {string} how long ago */
export function ago(iso, nowMs) {
  const seconds = Math.max(0, Math.round((nowMs - Date.parse(iso)) / 1_000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3_600)} h` : `${Math.floor(seconds / 86_400)} d`;
}

/** @param {string} zone @returns {string} */
export function zoneName(zone) {
  return zone === "" ? "not known" : zone;
}

/**
 * What is worth a colour, by the thresholds of docs/page.md; the word beside it says the same.
 *
 * @param {number | null | undefined} maxOverMean
 * @returns {string}
 */
export function skewClass(maxOverMean) {
  if (maxOverMean === null || maxOverMean === undefined) return "quiet";
  return maxOverMean > 2 ? "bad" : maxOverMean > 1.3 ? "warn" : "good";
}

/** @param {number | null} share of errors @returns {string} */
export function errorClass(share) {
  return share === null || share < 0.001 ? "" : share > 0.01 ? "bad" : "warn";
}

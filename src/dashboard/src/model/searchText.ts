/**
 * `text` in the form in which texts are compared, whatever its case and its normal form, and in every locale.
 *
 * `Straße`, `STRASSE` and `strasse` are equal, as are the two sigmas, and letters with composed and combining marks.
 */
export function toSearchText(text: string): string {
  // eslint-disable-next-line no-control-regex -- ASCII is the fast path
  if (/^[\x00-\x7f]*$/.test(text)) return text.toLowerCase()
  const lower = text.normalize('NFC').toLowerCase().replaceAll('ς', 'σ')
  return lower.replace(/[^\x20-\x7f]/g, expand).normalize('NFC')
}

/** A letter as those that it is written with in capitals, such as `ss` for the sharp s. */
function expand(letter: string): string {
  const capitals = letter.toUpperCase()
  return capitals.length > letter.length ? capitals.toLowerCase() : letter
}

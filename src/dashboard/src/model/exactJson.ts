// Numbers of JavaScript are exact up to 2^53; the payloads of engines hold integers of 64 bits, such as ids. Between the text of a
// response and the page, such an integer is a string that begins with a mark, and a string that begins with the mark is escaped.
const MARK = '\uE000'
const STARTS_WITH_MARK = /^"(?:\uE000|\\u[eE]000)/
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g
const INTEGER = /^-?\d+$/

/** The JSON `text` with integers that a number cannot hold as marked strings, which `restoreIntegers` reads. */
export function markIntegers(text: string): string {
  return text.replace(TOKEN, (token) => {
    if (token.startsWith('"')) return STARTS_WITH_MARK.test(token) ? `"${MARK}${token.slice(1)}` : token
    return INTEGER.test(token) && !Number.isSafeInteger(Number(token)) ? `"${MARK}${token}"` : token
  })
}

/** A JSON value whose text was marked, with bigints for the integers that a number cannot hold. */
export function restoreIntegers(value: unknown): unknown {
  if (typeof value === 'string') return value.startsWith(MARK) ? restoreText(value.slice(MARK.length)) : value
  if (Array.isArray(value)) return value.map(restoreIntegers)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [restoreKey(key), restoreIntegers(each)]))
}

/** A JSON value with bigints as text, indented by `indent` spaces. */
export function printJson(value: unknown, indent = 0): string {
  const marked = JSON.stringify(
    value,
    (_, each: unknown) => {
      if (typeof each === 'bigint') return MARK + each.toString()
      return typeof each === 'string' && each.startsWith(MARK) ? MARK + each : each
    },
    indent,
  )
  return marked.replace(TOKEN, (token, position: number) => {
    const isKey = marked[position + token.length] === ':'
    if (isKey || !token.startsWith(`"${MARK}`)) return token
    const rest = token.slice(1 + MARK.length, -1)
    return INTEGER.test(rest) ? rest : `"${rest}"`
  })
}

function restoreText(rest: string): string | bigint {
  return rest.startsWith(MARK) ? rest : BigInt(rest)
}

function restoreKey(key: string): string {
  return key.startsWith(MARK) ? key.slice(MARK.length) : key
}

import { isField, type Operator } from './filterFields.ts'
import { EVERYTHING, findProblem, isCondition, partsOf, type Condition, type Filter } from './filter.ts'

/** What cannot be read, as a sentence. */
export class UnreadableFilter extends Error {}

// What needs no quotes: whatever neither ends a value nor begins a quoted one.
const PLAIN = /^[^\s"(),]+$/
const TOKEN = /\s*(?:("(?:[^"\\]|\\.)*")|([(),])|([^\s"(),]+))/y
// Deeper ones were not written by people, and the server takes no more.
const MAX_DEPTH = 12

/**
 * `filter` as text that people can read in an address:
 * `status:in(FAILED,TIMED_OUT) any(workflowName:contains("nightly run") not(tags:has(team,data)))`.
 */
export function printFilter(filter: Filter): string {
  return 'all' in filter ? filter.all.map(print).join(' ') : print(filter)
}

function print(filter: Filter): string {
  if (isCondition(filter)) return `${filter.field}:${filter.operator}(${filter.values.map(quote).join(',')})`
  const name = 'all' in filter ? 'all' : 'any' in filter ? 'any' : 'not'
  return `${name}(${partsOf(filter).map(print).join(' ')})`
}

function quote(value: string): string {
  return PLAIN.test(value) ? value : JSON.stringify(value)
}

/** The filter that `text` is; raises `UnreadableFilter`. */
export function parseFilter(text: string): Filter {
  const parser = new Parser(text)
  const parts = parser.readParts(0)
  parser.expectEnd()
  const [only] = parts
  if (only === undefined) return EVERYTHING
  return parts.length === 1 ? only : { all: parts }
}

class Parser {
  private readonly tokens: string[]
  private position = 0

  constructor(text: string) {
    this.tokens = tokenize(text)
  }

  readParts(depth: number): Filter[] {
    if (depth > MAX_DEPTH) throw new UnreadableFilter('It is nested too deeply.')
    const parts: Filter[] = []
    while (this.peek() !== undefined && this.peek() !== ')') parts.push(this.readPart(depth))
    return parts
  }

  expectEnd(): void {
    if (this.peek() !== undefined) throw new UnreadableFilter('It has a bracket too many.')
  }

  private readPart(depth: number): Filter {
    const word = this.next()
    if (word === 'all' || word === 'any' || word === 'not') return this.readGroup(word, depth)
    const [field = '', operator = '', ...more] = word.split(':')
    if (!isField(field) || more.length > 0) throw new UnreadableFilter(`There is no field ${field}.`)
    this.expect('(')
    const condition: Condition = { field, operator: operator as Operator, values: this.readValues() }
    const problem = findProblem(condition)
    if (problem !== null) throw new UnreadableFilter(problem)
    return condition
  }

  private readGroup(name: 'all' | 'any' | 'not', depth: number): Filter {
    this.expect('(')
    const parts = this.readParts(depth + 1)
    this.expect(')')
    if (name === 'all') return { all: parts }
    if (name === 'any') return { any: parts }
    const [part] = parts
    if (part === undefined || parts.length > 1) throw new UnreadableFilter('"not" takes one part.')
    return { not: part }
  }

  private readValues(): string[] {
    const values: string[] = []
    while (this.peek() !== ')') {
      if (values.length > 0) this.expect(',')
      values.push(unquote(this.next()))
    }
    this.expect(')')
    return values
  }

  private peek(): string | undefined {
    return this.tokens[this.position]
  }

  private next(): string {
    const token = this.tokens[this.position++]
    if (token === undefined) throw new UnreadableFilter('It ends too early.')
    return token
  }

  private expect(wanted: string): void {
    if (this.next() !== wanted) throw new UnreadableFilter(`"${wanted}" is missing.`)
  }
}

function tokenize(text: string): string[] {
  const tokens: string[] = []
  const trimmed = text.trimEnd()
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < trimmed.length) {
    const [, quoted, mark, word] = TOKEN.exec(trimmed) ?? []
    const token = quoted ?? mark ?? word
    if (token === undefined) throw new UnreadableFilter('A quotation mark is missing.')
    tokens.push(token)
  }
  return tokens
}

function unquote(token: string): string {
  if (token === '(' || token === ')' || token === ',') throw new UnreadableFilter('A value is missing.')
  if (!token.startsWith('"')) return token
  try {
    return JSON.parse(token) as string
  } catch {
    throw new UnreadableFilter('A quoted value cannot be read.')
  }
}

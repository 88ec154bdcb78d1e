import { messages } from '../messages/messages.ts'
import { childrenOf, EVERYTHING, findProblem, isCondition, type Condition, type Filter } from './filter.ts'
import { isField, type Operator } from './filterFields.ts'

/** A filter text that cannot be parsed; the message is a sentence for people. */
export class FilterSyntaxError extends Error {}

// Values that need no quotes.
const PLAIN = /^[^\s"(),]+$/
const TOKEN = /\s*(?:("(?:[^"\\]|\\.)*")|([(),])|([^\s"(),]+))/y
// The server rejects deeper ones.
const MAX_DEPTH = 12

/**
 * Writes `filter` as text that people can read in a URL:
 * `status:in(FAILED,TIMED_OUT) any(workflowName:contains("nightly run") not(tags:has(team,data)))`.
 */
export function printFilter(filter: Filter): string {
  return 'all' in filter ? filter.all.map(print).join(' ') : print(filter)
}

function print(filter: Filter): string {
  if (isCondition(filter)) return `${filter.field}:${filter.operator}(${filter.values.map(quote).join(',')})`
  const name = 'all' in filter ? 'all' : 'any' in filter ? 'any' : 'not'
  return `${name}(${childrenOf(filter).map(print).join(' ')})`
}

function quote(value: string): string {
  return PLAIN.test(value) ? value : JSON.stringify(value)
}

/** Whether what people type is meant as a filter, and no name. */
export function isFilterText(text: string): boolean {
  return /\w:\w+\(|^(any|all|not)\(/.test(text)
}

/**
 * Reads the text that `printFilter` writes, and what people type.
 *
 * @throws FilterSyntaxError
 */
export function parseFilter(text: string): Filter {
  const parser = new Parser(text)
  const nodes = parser.readNodes(0)
  parser.expectEnd()
  const [only] = nodes
  if (only === undefined) return EVERYTHING
  return nodes.length === 1 ? only : { all: nodes }
}

class Parser {
  private readonly tokens: string[]
  private position = 0

  constructor(text: string) {
    this.tokens = tokenize(text)
  }

  readNodes(depth: number): Filter[] {
    if (depth > MAX_DEPTH) throw new FilterSyntaxError(messages.model.filterProblems.tooDeep)
    const nodes: Filter[] = []
    while (this.peek() !== undefined && this.peek() !== ')') nodes.push(this.readNode(depth))
    return nodes
  }

  expectEnd(): void {
    if (this.peek() !== undefined) throw new FilterSyntaxError(messages.model.filterProblems.unmatched)
  }

  private readNode(depth: number): Filter {
    const word = this.next()
    if (word === 'all' || word === 'any' || word === 'not') return this.readGroup(word, depth)
    const [field = '', operator = '', ...more] = word.split(':')
    if (!isField(field) || more.length > 0) throw new FilterSyntaxError(messages.model.filterProblems.field(field))
    this.expect('(')
    const condition: Condition = { field, operator: operator as Operator, values: this.readValues() }
    const problem = findProblem(condition)
    if (problem !== null) throw new FilterSyntaxError(problem)
    return condition
  }

  private readGroup(name: 'all' | 'any' | 'not', depth: number): Filter {
    this.expect('(')
    const nodes = this.readNodes(depth + 1)
    this.expect(')')
    if (name === 'all') return { all: nodes }
    if (name === 'any') return { any: nodes }
    const [node] = nodes
    if (node === undefined || nodes.length > 1) throw new FilterSyntaxError(messages.model.filterProblems.not)
    return { not: node }
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
    if (token === undefined) throw new FilterSyntaxError(messages.model.filterProblems.incomplete)
    return token
  }

  private expect(expected: string): void {
    if (this.next() !== expected) throw new FilterSyntaxError(messages.model.filterProblems.missing(expected))
  }
}

function tokenize(text: string): string[] {
  const tokens: string[] = []
  const trimmed = text.trimEnd()
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < trimmed.length) {
    const [, quoted, punctuation, word] = TOKEN.exec(trimmed) ?? []
    const token = quoted ?? punctuation ?? word
    if (token === undefined) throw new FilterSyntaxError(messages.model.filterProblems.unclosedQuote)
    tokens.push(token)
  }
  return tokens
}

function unquote(token: string): string {
  if (token === '(' || token === ')' || token === ',')
    throw new FilterSyntaxError(messages.model.filterProblems.missingValue)
  if (!token.startsWith('"')) return token
  try {
    return JSON.parse(token) as string
  } catch {
    throw new FilterSyntaxError(messages.model.filterProblems.badQuote)
  }
}

import { formatCount } from './numbers.ts'

/** The tokens of a step; null where it is unknown of which kind they are. */
export interface Tokens {
  tokens: number
  inputTokens: number | null
  outputTokens: number | null
  cachedTokens: number | null
}

/** The tokens of a step for people: `1,200 (1,000 in, 400 of them cached, 200 out)`. */
export function describeTokens({ tokens, inputTokens, outputTokens, cachedTokens }: Tokens): string {
  const parts = [
    inputTokens === null ? null : `${formatCount(inputTokens)} in`,
    cachedTokens === null || cachedTokens === 0 ? null : `${formatCount(cachedTokens)} of them cached`,
    outputTokens === null ? null : `${formatCount(outputTokens)} out`,
  ].filter((part) => part !== null)
  return parts.length === 0 ? formatCount(tokens) : `${formatCount(tokens)} (${parts.join(', ')})`
}

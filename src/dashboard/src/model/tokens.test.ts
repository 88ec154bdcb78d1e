import { expect, test } from 'vitest'
import { describeTokens } from './tokens.ts'

test('tokens are told by kind, as far as it is known', () => {
  const unknown = { tokens: 1200, inputTokens: null, outputTokens: null, cachedTokens: null }

  expect(describeTokens(unknown)).toBe('1,200')
  expect(describeTokens({ ...unknown, inputTokens: 1000, outputTokens: 200, cachedTokens: 400 })).toBe(
    '1,200 (1,000 in, 400 of them cached, 200 out)',
  )
  expect(describeTokens({ ...unknown, inputTokens: 1200, outputTokens: 0, cachedTokens: 0 })).toBe(
    '1,200 (1,200 in, 0 out)',
  )
})

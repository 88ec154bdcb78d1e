import { expect, test } from 'vitest'
import { countStopped } from './stopped.ts'

test('one counts as stopped that works no more though its owner, who looks, did not pause it', () => {
  const reasons = [null, 'Its owner paused it.', 'Its owner was revoked.', 'Nothing has arrived for 5 days.']
  const own = reasons.map((stateReason) => ({ userId: 'ada', stateReason }))

  expect(countStopped(own, 'ada')).toBe(2)
  expect(countStopped(own, 'grace')).toBe(0)
})

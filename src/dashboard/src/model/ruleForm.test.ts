import { expect, test } from 'vitest'
import { EVERYTHING } from './filter.ts'
import { CONDITION_KINDS, NEW_RULE, toForm, toRuleInput, type RuleForm } from './ruleForm.ts'

const NAMED: RuleForm = { ...NEW_RULE, name: 'night', groupBy: 'WORKFLOW_NAME', forMinutes: '5', repeatMinutes: '60' }

test.each(CONDITION_KINDS)('a rule of %s is the same after it was stored and read', (kind) => {
  const form = { ...NAMED, kind }
  const { name, condition } = toRuleInput(form, 0)

  const read = toForm({
    name,
    filter: null,
    condition,
    groupBy: form.groupBy,
    forSeconds: 300,
    repeatAfterSeconds: 3600,
  })

  expect(read && toRuleInput(read, 0)).toEqual(toRuleInput(form, 0))
})

test('a share is a part of one, and minutes are seconds', () => {
  expect(toRuleInput(NEW_RULE, 0).condition).toEqual({
    rate: {
      match: { status: { in: ['FAILED', 'TIMED_OUT'] } },
      windowSeconds: 900,
      shareAbove: 0.1,
      countAbove: null,
      minimumEnded: 10,
    },
  })
})

test('with a schedule silence means that, and without one a time', () => {
  const silence: RuleForm = { ...NEW_RULE, kind: 'silence' }

  expect(toRuleInput(silence, 0).condition).toMatchObject({ silence: { everySeconds: 3600 } })
  expect(toRuleInput({ ...silence, cron: '0 6 * * *' }, 0).condition).toMatchObject({
    silence: { cron: '0 6 * * *', graceSeconds: 300 },
  })
})

test('channels take a URL, an id or addresses', () => {
  const channels = [
    { kind: 'slackUrl', address: ' https://hooks.slack.com/services/T/B/x ' },
    { kind: 'email', address: 'ada@example.org, grace@example.org' },
  ] as const

  expect(toRuleInput({ ...NEW_RULE, channels }, 0).channels).toEqual([
    { slackUrl: 'https://hooks.slack.com/services/T/B/x' },
    { email: ['ada@example.org', 'grace@example.org'] },
  ])
})

test('a rule without a filter watches everything', () => {
  expect(toRuleInput({ ...NEW_RULE, filter: EVERYTHING }, 0).filter).toBeNull()
})

test('a rule whose filter has no words in the editor is not edited', () => {
  const stored = { name: 'x', condition: { event: {} }, groupBy: null, forSeconds: 0, repeatAfterSeconds: null }

  expect(toForm({ ...stored, filter: { unknown: { eq: 1 } } })).toBeNull()
  expect(toForm({ ...stored, filter: null, condition: {} })).toBeNull()
})

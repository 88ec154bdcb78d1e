import type { SchemaType } from '../graphql/schemaTypes.ts'
import { EVERYTHING, type Filter } from './filter.ts'
import { readFilterInput, toFilterInput } from './filterInput.ts'

type RuleInput = SchemaType<'CreateAlertRuleInput'>
export type GroupField = SchemaType<'AlertGroupField'>
export type Measure = SchemaType<'AlertMeasure'>

/** When a rule fires. */
export const CONDITION_KINDS = ['event', 'rate', 'duration', 'silence', 'sum'] as const
export type ConditionKind = (typeof CONDITION_KINDS)[number]

/** What an alert can be sent by. */
export const CHANNEL_KINDS = ['webhookId', 'slackUrl', 'teamsUrl', 'email', 'alertmanagerUrl'] as const
export type ChannelKind = (typeof CHANNEL_KINDS)[number]

/** What can have an alert of its own. */
export const GROUP_FIELDS: readonly GroupField[] = ['WORKFLOW_NAME', 'USER_ID', 'ERROR_GROUP', 'TAG']

/** A channel as it is typed: a URL, the id of a webhook, or addresses of mail with commas between. */
export interface TypedChannel {
  readonly kind: ChannelKind
  readonly address: string
}

/** A rule as a form holds it: numbers are text, empty where they do not count. */
export interface RuleForm {
  readonly name: string
  readonly filter: Filter
  readonly kind: ConditionKind
  readonly match: Filter
  readonly windowMinutes: string
  readonly sharePercent: string
  readonly countAbove: string
  readonly minimumEnded: string
  readonly longerThanSeconds: string
  readonly longerThanPercentile: string
  readonly silentMinutes: string
  readonly cron: string
  readonly timeZone: string
  readonly graceMinutes: string
  readonly measure: Measure
  readonly sumAbove: string
  readonly groupBy: GroupField | null
  readonly forMinutes: string
  readonly repeatMinutes: string
  readonly channels: readonly TypedChannel[]
}

const FAILED: Filter = { field: 'status', operator: 'in', values: ['FAILED', 'TIMED_OUT'] }

/** A new rule: it fires when a tenth of what ended within a quarter of an hour has failed. */
export const NEW_RULE: RuleForm = {
  name: '',
  filter: EVERYTHING,
  kind: 'rate',
  match: FAILED,
  windowMinutes: '15',
  sharePercent: '10',
  countAbove: '',
  minimumEnded: '10',
  longerThanSeconds: '3600',
  longerThanPercentile: '',
  silentMinutes: '60',
  cron: '',
  timeZone: 'UTC',
  graceMinutes: '5',
  measure: 'COST',
  sumAbove: '100',
  groupBy: null,
  forMinutes: '0',
  repeatMinutes: '',
  channels: [],
}

/** A rule as the API gives it, beside its channels, which are not read back. */
export interface StoredRule {
  readonly name: string
  readonly filter: unknown
  readonly condition: unknown
  readonly groupBy: GroupField | null
  readonly forSeconds: number
  readonly repeatAfterSeconds: number | null
}

/** The form of a stored rule; null where its filters have no words in the editor. */
export function toForm(rule: StoredRule): RuleForm | null {
  const condition = asRecord(rule.condition)
  const kind = CONDITION_KINDS.find((each) => condition[each] !== undefined && condition[each] !== null)
  if (kind === undefined) return null
  const given = asRecord(condition[kind])
  const filter = readFilterInput(rule.filter)
  const match = given.match === undefined || given.match === null ? FAILED : readFilterInput(given.match)
  if (filter === null || match === null) return null
  const number = (name: string, unit = 1): string => {
    const value = given[name]
    return typeof value === 'number' ? String(value / unit) : ''
  }
  return {
    ...NEW_RULE,
    name: rule.name,
    filter,
    kind,
    match,
    windowMinutes: number('windowSeconds', 60) || NEW_RULE.windowMinutes,
    sharePercent: kind === 'rate' ? number('shareAbove', 0.01) : NEW_RULE.sharePercent,
    countAbove: number('countAbove'),
    minimumEnded: number('minimumEnded') || NEW_RULE.minimumEnded,
    longerThanSeconds: kind === 'duration' ? number('longerThanSeconds') : NEW_RULE.longerThanSeconds,
    longerThanPercentile: number('longerThanPercentile'),
    silentMinutes: kind === 'silence' ? number('everySeconds', 60) : NEW_RULE.silentMinutes,
    cron: typeof given.cron === 'string' ? given.cron : '',
    timeZone: typeof given.timeZone === 'string' ? given.timeZone : NEW_RULE.timeZone,
    graceMinutes: number('graceSeconds', 60) || NEW_RULE.graceMinutes,
    measure: given.of === 'TOKENS' ? 'TOKENS' : 'COST',
    sumAbove: number('above') || NEW_RULE.sumAbove,
    groupBy: rule.groupBy,
    forMinutes: String(rule.forSeconds / 60),
    repeatMinutes: rule.repeatAfterSeconds === null ? '' : String(rule.repeatAfterSeconds / 60),
  }
}

/** What the API takes for `form`; times in filters are counted back from `now` (milliseconds). */
export function toRuleInput(form: RuleForm, now: number): RuleInput {
  return {
    name: form.name,
    filter: form.filter === EVERYTHING ? null : toFilterInput(form.filter, now),
    condition: toCondition(form, now),
    groupBy: form.groupBy,
    forSeconds: seconds(form.forMinutes) ?? 0,
    repeatAfterSeconds: seconds(form.repeatMinutes),
    channels: form.channels.map(toChannel),
    enabled: true,
  }
}

/** What the API previews: the rule, whatever it is called and wherever its alerts are sent. */
export function toPreviewInput(form: RuleForm, now: number): RuleInput {
  return toRuleInput({ ...form, name: 'preview', repeatMinutes: '', channels: [] }, now)
}

function toCondition(form: RuleForm, now: number): RuleInput['condition'] {
  const match = toFilterInput(form.match, now)
  switch (form.kind) {
    case 'event':
      return { event: { match } }
    case 'rate': {
      const share = numberOf(form.sharePercent)
      return {
        rate: {
          match,
          windowSeconds: seconds(form.windowMinutes) ?? 0,
          shareAbove: share === null ? null : share / 100,
          countAbove: numberOf(form.countAbove),
          minimumEnded: numberOf(form.minimumEnded) ?? 10,
        },
      }
    }
    case 'duration':
      return {
        duration: {
          longerThanSeconds: numberOf(form.longerThanSeconds),
          longerThanPercentile: numberOf(form.longerThanPercentile),
        },
      }
    case 'silence':
      return {
        silence:
          form.cron.trim() === ''
            ? { everySeconds: seconds(form.silentMinutes), timeZone: form.timeZone, graceSeconds: 0 }
            : { cron: form.cron.trim(), timeZone: form.timeZone, graceSeconds: seconds(form.graceMinutes) ?? 0 },
      }
    case 'sum':
      return {
        sum: {
          of: form.measure,
          windowSeconds: seconds(form.windowMinutes) ?? 0,
          above: numberOf(form.sumAbove) ?? 0,
        },
      }
  }
}

function toChannel({ kind, address }: TypedChannel): RuleInput['channels'][number] {
  const typed = address.trim()
  switch (kind) {
    case 'webhookId':
      return { webhookId: typed }
    case 'slackUrl':
      return { slackUrl: typed }
    case 'teamsUrl':
      return { teamsUrl: typed }
    case 'alertmanagerUrl':
      return { alertmanagerUrl: typed }
    case 'email':
      return { email: typed.split(/[\s,;]+/).filter((each) => each !== '') }
  }
}

function seconds(minutes: string): number | null {
  const value = numberOf(minutes)
  return value === null ? null : Math.round(value * 60)
}

function numberOf(text: string): number | null {
  const value = Number(text)
  return text.trim() === '' || !Number.isFinite(value) ? null : value
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

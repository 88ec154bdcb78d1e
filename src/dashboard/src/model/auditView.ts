import type { SchemaType } from '../graphql/schemaTypes.ts'

type Kind = SchemaType<'AuditKind'>
type Outcome = SchemaType<'AuditOutcome'>

/** The kinds of audit events, in the order of the menu. */
export const AUDIT_KINDS: readonly Kind[] = [
  'QUERY',
  'MUTATION',
  'SUBSCRIPTION_BEGUN',
  'SUBSCRIPTION_ENDED',
  'REST',
  'UNREADABLE',
  'TOKEN_REFUSED',
  'REVOCATION',
  'ACCESS_KEY_CREATED',
  'LOST',
]

/** The results of requests, in the order of the menu. */
export const AUDIT_OUTCOMES: readonly Outcome[] = ['SUCCEEDED', 'DENIED', 'FAILED']

/** Which audit events the page shows: all that its address holds. */
export interface AuditView {
  readonly subject: string
  readonly execution: string
  readonly kind: Kind | null
  readonly outcome: Outcome | null
}

/** The view in the query of an address; what is unknown there counts as not chosen. */
export function parseAuditView(search: string): AuditView {
  const query = new URLSearchParams(search)
  return {
    subject: query.get('user') ?? '',
    execution: query.get('execution') ?? '',
    kind: AUDIT_KINDS.find((each) => each === query.get('kind')) ?? null,
    outcome: AUDIT_OUTCOMES.find((each) => each === query.get('outcome')) ?? null,
  }
}

/** `view` as the query of an address; what is not chosen is left out. */
export function printAuditView({ subject, execution, kind, outcome }: AuditView): string {
  const query = new URLSearchParams()
  if (subject !== '') query.set('user', subject)
  if (execution !== '') query.set('execution', execution)
  if (kind !== null) query.set('kind', kind)
  if (outcome !== null) query.set('outcome', outcome)
  return query.toString()
}

/** `view` as the argument of a request. */
export function toAuditFilter({ subject, execution, kind, outcome }: AuditView): SchemaType<'AuditEventFilter'> {
  return {
    ...(subject === '' ? {} : { subject: { eq: subject } }),
    ...(execution === '' ? {} : { executionId: { eq: execution } }),
    ...(kind === null ? {} : { kind: { eq: kind } }),
    ...(outcome === null ? {} : { outcome: { eq: outcome } }),
  }
}

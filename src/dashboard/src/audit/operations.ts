import { graphql, type ResultOf } from '../graphql/graphql.ts'

/** A page of audit events, newest first. */
export const AUDIT_EVENTS = graphql(`
  query AuditEvents($filter: AuditEventFilter, $after: String) {
    auditEvents(filter: $filter, first: 50, after: $after) {
      nodes {
        id
        at
        kind
        outcome
        codes
        subject
        tokenId
        operationName
        arguments
        executionCount
        executionIds
        durationSeconds
        address
        userAgent
        requestId
        reason
        lostEvents
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`)

/** An audit event as the page shows it. */
export type AuditEvent = ResultOf<typeof AUDIT_EVENTS>['auditEvents']['nodes'][number]

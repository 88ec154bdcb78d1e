import { graphql, type ResultOf } from '../graphql/graphql.ts'

const ALERT = graphql(`
  fragment AlertRow on Alert @_unmask {
    id
    group
    state
    summary
    value
    firedAt
    lastNotifiedAt
    resolvedAt
    acknowledgedBy
    note
    snoozedUntil
    rule {
      id
      name
    }
  }
`)

const RULE = graphql(`
  fragment Rule on AlertRule @_unmask {
    id
    name
    filter
    condition
    groupBy
    forSeconds
    repeatAfterSeconds
    channels {
      kind
      address
    }
    enabled
    stateReason
    userId
    createdAt
    firingCount
  }
`)

/** An alert as the page shows it. */
export type Alert = ResultOf<typeof ALERT>
/** A rule as the page shows it. */
export type AlertRule = ResultOf<typeof RULE>

/** What tells whether rules and, where they may be read, webhooks of the caller work. */
export const STOPPED = graphql(`
  query Stopped($webhooks: Boolean!) {
    viewer {
      userId
    }
    alertRules(first: 100) {
      nodes {
        userId
        stateReason
      }
    }
    webhooks(first: 100) @include(if: $webhooks) {
      nodes {
        userId
        stateReason
      }
    }
  }
`)

/** A page of alerts, and where live updates go on. */
export const ALERTS = graphql(
  `
    query Alerts($state: AlertState, $first: Int!, $after: String) {
      viewer {
        scopes
      }
      alerts(state: $state, first: $first, after: $after) {
        nodes {
          ...AlertRow
        }
        pageInfo {
          hasNextPage
          endCursor
        }
        liveCursor
      }
    }
  `,
  [ALERT],
)

/** What alerts become. */
export const ALERT_UPDATES = graphql(
  `
    subscription AlertUpdates($after: String) {
      alertUpdates(after: $after) {
        kind
        cursor
        alert {
          ...AlertRow
        }
      }
    }
  `,
  [ALERT],
)

/** An event of `ALERT_UPDATES`. */
export type AlertUpdate = ResultOf<typeof ALERT_UPDATES>['alertUpdates']

/** The newest executions of an alert. */
export const ALERT_EXECUTIONS = graphql(`
  query AlertExecutions($id: ID!) {
    node(id: $id) {
      ... on Alert {
        executions(first: 10) {
          nodes {
            executionId
            workflowName
            status
            createdAt
          }
        }
      }
    }
  }
`)

/** Takes care of an alert. */
export const ACKNOWLEDGE = graphql(
  `
    mutation Acknowledge($id: ID!, $note: String) {
      acknowledgeAlert(id: $id, input: { note: $note }) {
        alert {
          ...AlertRow
        }
      }
    }
  `,
  [ALERT],
)

/** Lets an alert be silent for a while. */
export const SNOOZE = graphql(
  `
    mutation Snooze($id: ID!, $until: DateTime!) {
      snoozeAlert(id: $id, input: { until: $until }) {
        alert {
          ...AlertRow
        }
      }
    }
  `,
  [ALERT],
)

/** A page of rules, and who looks at them. */
export const RULES = graphql(
  `
    query AlertRules($after: String) {
      viewer {
        userId
        scopes
      }
      alertRules(first: 50, after: $after) {
        nodes {
          ...Rule
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  `,
  [RULE],
)

/** The alerts that a rule would have had. */
export const PREVIEW = graphql(`
  query AlertPreview($input: CreateAlertRuleInput!, $days: Int!) {
    alertPreview(input: $input, days: $days) {
      group
      firedAt
      resolvedAt
      value
    }
  }
`)

/** Makes a rule. */
export const CREATE_RULE = graphql(
  `
    mutation CreateAlertRule($input: CreateAlertRuleInput!) {
      createAlertRule(input: $input) {
        alertRule {
          ...Rule
        }
      }
    }
  `,
  [RULE],
)

/** Changes a rule. */
export const UPDATE_RULE = graphql(
  `
    mutation UpdateAlertRule($id: ID!, $input: UpdateAlertRuleInput!) {
      updateAlertRule(id: $id, input: $input) {
        alertRule {
          ...Rule
        }
      }
    }
  `,
  [RULE],
)

/** Deletes a rule. */
export const DELETE_RULE = graphql(`
  mutation DeleteAlertRule($id: ID!) {
    deleteAlertRule(id: $id) {
      deletedId
    }
  }
`)

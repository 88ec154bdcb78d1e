/** The page of the alerts. */
export const alerts = {
  title: 'Alerts',
  pageTitle: 'Alerts – Execution Monitor',
  hint: 'What fires now, and what did, newest first.',
  rules: 'Alert rules',
  state: 'State',
  all: 'All',
  stoppedRules: (count: number) =>
    count === 1 ? 'One of your rules works no more' : `${count} of your rules work no more`,
  stoppedWebhooks: (count: number) =>
    count === 1 ? 'One of your webhooks sends no more' : `${count} of your webhooks send no more`,
  none: 'No alerts',
  noneHint: 'An alert appears here as soon as the condition of a rule is met.',
  states: { FIRING: 'Firing', ACKNOWLEDGED: 'Acknowledged', SNOOZED: 'Snoozed', RESOLVED: 'Resolved' },
  facts: {
    fired: 'Since',
    resolved: 'Resolved',
    group: 'Group',
    notified: 'Last notified',
    acknowledged: 'Acknowledged by',
    note: 'Note',
    snoozed: 'Snoozed until',
  },
  acknowledge: 'Acknowledge',
  acknowledgeNamed: (name: string) => `Acknowledge ${name}`,
  notePlaceholder: 'I am looking into it',
  snooze: 'Snooze',
  snoozeNamed: (name: string) => `Snooze ${name}`,
  hours: (hours: number) => (hours === 1 ? '1 hour' : `${hours} hours`),
  executions: 'Executions',
  noExecutions: 'There are none that you may see.',
}

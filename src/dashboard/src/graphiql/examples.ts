/** An operation that runs as it is, for those who open GraphiQL for the first time. */
export interface Example {
  query: string
  variables?: string
}

export const EXAMPLES: readonly Example[] = [
  {
    query: `# The newest executions that failed, and why. Ctrl-Enter runs it.
query LatestFailures($first: Int = 10) {
  executions(filter: { status: { in: [FAILED, TIMED_OUT] } }, first: $first) {
    totalCount
    nodes {
      executionId
      workflowName
      completedAt
      durationSeconds
      error {
        code
        message
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
`,
    variables: '{\n  "first": 10\n}',
  },
  {
    query: `# Every change to running executions, as it happens. Ctrl-Enter again stops it.
subscription WatchRunning {
  executionUpdates(filter: { status: { in: [PENDING, RUNNING] } }) {
    kind
    occurredAt
    execution {
      executionId
      workflowName
      status
      progress {
        percentage
      }
    }
    changedFields
  }
}
`,
  },
  {
    query: `# The most expensive executions, with their steps.
query Costly {
  executions(sort: [{ field: TOTAL_COST }, { field: CREATED_AT }], first: 5) {
    nodes {
      executionId
      workflowName
      totalCost
      tokensUsed
      steps(first: 10) {
        nodes {
          name
          status
          durationSeconds
          cost
        }
      }
    }
  }
}
`,
  },
  {
    query: `# Conditions combine with and, or and not. Text has no wildcards.
query Combined {
  executions(
    filter: {
      or: [{ workflowName: { startsWith: "nightly" } }, { durationSeconds: { gt: 600 } }]
      not: { status: { eq: CANCELLED } }
    }
    sort: [{ field: DURATION }]
    first: 20
  ) {
    nodes {
      workflowName
      status
      durationSeconds
    }
    liveCursor
  }
}
`,
  },
  {
    query: `# What the executions of the last day add up to, and which workflows fail most.
query LastDay {
  executionStatistics(filter: { createdAt: { withinSeconds: 86400 } }, interval: HOUR) {
    count
    successRate
    totalCost
    duration {
      p50
      p95
    }
    series {
      start
      count
    }
    groups(by: WORKFLOW_NAME, order: FAILURES, first: 5) {
      value
      count
      successRate
    }
  }
}
`,
  },
  {
    query: `# Who you are to the server, and what your token allows.
query WhoAmI {
  viewer {
    userId
    tenantId
    scopes
  }
}
`,
  },
]

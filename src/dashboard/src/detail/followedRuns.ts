import { stringifyDocument, type Client } from '@urql/core'
import { navigate } from 'wouter/use-browser-location'
import type { Connection, Subscription } from '../live/connection.ts'
import { messages } from '../messages/messages.ts'
import { formatDuration } from '../model/numbers.ts'
import { executionPath } from '../model/paths.ts'
import { hasEnded } from '../model/status.ts'
import { titleOfExecution } from '../model/titles.ts'
import {
  FOLLOWED_EXECUTION,
  FOLLOWED_EXECUTION_CHANGES,
  type FollowedExecution,
  type FollowedChange,
} from './followOperations.ts'

const known = new WeakMap<Connection, FollowedRuns>()

/** The runs that are followed in the session of `connection`: they stay so while pages change. */
export function followedRunsOf(client: Client, connection: Connection, isSignedIn: () => boolean): FollowedRuns {
  const runs = known.get(connection) ?? new FollowedRuns(client, connection, isSignedIn)
  known.set(connection, runs)
  return runs
}

/** Shows a notification of the browser when a followed run ends. */
export class FollowedRuns {
  private readonly subscriptions = new Map<string, Subscription | null>()
  private readonly listeners = new Set<() => void>()

  constructor(
    private readonly client: Client,
    private readonly connection: Connection,
    private readonly isSignedIn: () => boolean,
  ) {}

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  isFollowed(id: string): boolean {
    return this.subscriptions.has(id)
  }

  follow(id: string): void {
    if (this.isFollowed(id)) return
    this.subscriptions.set(id, null)
    this.listeners.forEach((notify) => notify())
    void this.read(id)
  }

  unfollow(id: string): void {
    this.subscriptions.get(id)?.stop()
    this.subscriptions.delete(id)
    this.listeners.forEach((notify) => notify())
  }

  /** Reads the state, and the cursor from which no change is missed, at one instant. */
  private async read(id: string): Promise<void> {
    const { data } = await this.client.query(FOLLOWED_EXECUTION, { id })
    if (!this.isFollowed(id)) return
    const [execution] = data?.executions.nodes ?? []
    if (data !== undefined && execution === undefined) this.unfollow(id)
    else if (execution !== undefined && this.apply(execution)) return
    else this.listen(id, data?.executions.liveCursor ?? null)
  }

  private listen(id: string, cursor: string | null): void {
    this.subscriptions.get(id)?.stop()
    const query = stringifyDocument(FOLLOWED_EXECUTION_CHANGES)
    const subscription = this.connection.subscribe<FollowedChange>(
      {
        request: (after) => ({ query, variables: { id, after } }),
        read: (data) => (data as { executionUpdates: FollowedChange }).executionUpdates,
        onEvents: (events) => events.some(({ execution }) => execution !== null && this.apply(execution)),
        onStatus: () => undefined,
        onBehind: () => undefined,
        onStale: () => void this.read(id),
      },
      cursor,
    )
    this.subscriptions.set(id, subscription)
  }

  /** Whether the execution has ended, which is then told. */
  private apply(execution: FollowedExecution): boolean {
    const { executionId, workflowName, status, durationSeconds } = execution
    if (!this.isSignedIn()) {
      this.unfollow(executionId)
      return true
    }
    if (!hasEnded(status) || !this.isFollowed(executionId)) return false
    this.unfollow(executionId)
    const duration = durationSeconds === null ? '' : formatDuration(durationSeconds)
    const notification = new Notification(titleOfExecution(workflowName, status), {
      body: messages.detail.follow.body(executionId, duration),
      tag: executionId,
    })
    notification.onclick = () => {
      window.focus()
      navigate(executionPath(executionId))
    }
    return true
  }
}

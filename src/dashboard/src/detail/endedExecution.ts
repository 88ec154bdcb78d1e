import { stringifyDocument, type Client } from '@urql/core'
import type { Connection, Subscription } from '../live/connection.ts'
import { hasEnded } from '../model/status.ts'
import { ENDED_EXECUTION, ENDED_EXECUTION_CHANGES, type EndedExecutionChange } from './operations.ts'

/** Watches an execution whose activity has ended: engines start some again, as with a retry. */
export class EndedExecution {
  private subscription: Subscription | undefined
  private isStopped = false

  constructor(
    private readonly client: Client,
    private readonly connection: Connection,
    private readonly id: string,
    private readonly onChange: () => void,
  ) {}

  /** Calls `onChange` once, when the execution changes or is no longer in a final state. */
  async start(): Promise<void> {
    // At one instant: the state, and the cursor from which no change is missed.
    const { data } = await this.client.query(ENDED_EXECUTION, { id: this.id })
    if (this.isStopped || data === undefined) return
    const [execution] = data.executions.nodes
    if (execution === undefined) return
    if (!hasEnded(execution.status)) this.report()
    else this.subscribe(data.executions.liveCursor)
  }

  stop(): void {
    this.isStopped = true
    this.subscription?.stop()
  }

  private subscribe(cursor: string): void {
    const query = stringifyDocument(ENDED_EXECUTION_CHANGES)
    this.subscription = this.connection.subscribe<EndedExecutionChange>(
      {
        request: (after) => ({ query, variables: { id: this.id, after } }),
        read: (data) => (data as { executionUpdates: EndedExecutionChange }).executionUpdates,
        onEvents: () => this.report(),
        onStatus: () => undefined,
        onBehind: () => undefined,
        onStale: () => this.report(),
      },
      cursor,
    )
  }

  private report(): void {
    if (this.isStopped) return
    this.stop()
    this.onChange()
  }
}

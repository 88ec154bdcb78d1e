// Of the time, work takes a fifth at most.
const REST = 4

/**
 * Work that many events need: done at once for the first of them, and again no sooner than `pause` milliseconds after it
 * has ended, or later if it took long.
 */
export class Pace {
  private timer: ReturnType<typeof setTimeout> | undefined
  private isBusy = false
  private isNeeded = false
  private isStopped = false

  constructor(
    private readonly work: () => Promise<void>,
    private readonly pause: number,
  ) {}

  /** Has the work done; what is needed while it is done, or during the pause, is done once behind it. */
  readonly need = (): void => {
    if (this.isBusy) this.isNeeded = true
    else if (!this.isStopped) void this.run()
  }

  /** Nothing begins any more. */
  stop(): void {
    this.isStopped = true
    clearTimeout(this.timer)
  }

  private async run(): Promise<void> {
    this.isBusy = true
    this.isNeeded = false
    const begun = Date.now()
    await this.work()
    if (this.isStopped) return
    const pause = Math.max(this.pause, REST * (Date.now() - begun))
    this.timer = setTimeout(() => {
      this.isBusy = false
      if (this.isNeeded) void this.run()
    }, pause)
  }
}

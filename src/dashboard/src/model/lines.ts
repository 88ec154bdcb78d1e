/** A value of a line; null where there is none. */
export type Value = number | null

/**
 * The path of a line through the middles of places of width 1, where `most` is at the top of a height of 1. A line is
 * interrupted where there is no value; a value between two such places is a short line.
 */
export function linePath(values: readonly Value[], most: number): string {
  return runsOf(values)
    .map((run) => {
      const [first] = run
      if (run.length === 1 && first !== undefined) return `M${first.place + 0.2} ${y(first.value, most)}h0.6`
      return `M${run.map(({ place, value }) => `${place + 0.5} ${y(value, most)}`).join('L')}`
    })
    .join('')
}

/** The path around the area between two lines, where both have values. */
export function bandPath(low: readonly Value[], high: readonly Value[], most: number): string {
  const both = high.map((value, place) => ((low[place] ?? null) === null ? null : value))
  return runsOf(both)
    .map((run) => {
      const upper = run.map(({ place, value }) => `${place + 0.5} ${y(value, most)}`)
      const lower = run.map(({ place }) => `${place + 0.5} ${y(low[place] ?? 0, most)}`).reverse()
      return `M${[...upper, ...lower].join('L')}Z`
    })
    .join('')
}

interface Point {
  place: number
  value: number
}

/** The values without interruption. */
function runsOf(values: readonly Value[]): Point[][] {
  const runs: Point[][] = []
  values.forEach((value, place) => {
    if (value === null) return
    const run = runs.at(-1)
    if (run?.at(-1)?.place === place - 1) run.push({ place, value })
    else runs.push([{ place, value }])
  })
  return runs
}

function y(value: number, most: number): number {
  return Math.round((1 - Math.min(1, value / most)) * 10_000) / 10_000
}

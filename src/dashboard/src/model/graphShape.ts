import type { StepGraph } from './stepGraph.ts'

/** A point of a drawing, in pixels. */
export type Point = readonly [x: number, y: number]

/** Where a graph's steps, by the middle of each, and its dependencies are; time runs along x. */
export interface GraphLayout {
  width: number
  height: number
  nodes: ReadonlyMap<string, Point>
  edges: readonly { from: string; to: string; points: readonly Point[] }[]
}

/** The size of a step in the drawing, in pixels. */
export const NODE_WIDTH = 176
export const NODE_HEIGHT = 40

/** The path of an SVG along `points`, from the edge of the first step to that of the last. */
export function pathOf(points: readonly Point[]): string {
  const [first, last] = [points[0], points.at(-1)]
  if (first === undefined || last === undefined) return ''
  const direction = last[0] >= first[0] ? 1 : -1
  const ends: Point[] = [
    [first[0] + (direction * NODE_WIDTH) / 2, first[1]],
    ...points.slice(1, -1),
    [last[0] - (direction * NODE_WIDTH) / 2, last[1]],
  ]
  return ends
    .map(([x, y], index) => {
      const before = ends[index - 1]
      if (before === undefined) return `M${round(x)} ${round(y)}`
      const middle = round((before[0] + x) / 2)
      return `C${middle} ${round(before[1])} ${middle} ${round(y)} ${round(x)} ${round(y)}`
    })
    .join('')
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

/** The step that an arrow key leads to: along a dependency, or to the next one of the same layer. */
export function nextNode(layout: GraphLayout, { edges }: StepGraph, from: string, key: string): string | null {
  const start = layout.nodes.get(from)
  if (start === undefined) return null
  const placed = [...layout.nodes]
  const candidates: Partial<Record<string, () => string[]>> = {
    ArrowRight: () => edges.flatMap(([one, other]) => (one === from ? [other] : [])),
    ArrowLeft: () => edges.flatMap(([one, other]) => (other === from ? [one] : [])),
    ArrowDown: () => placed.flatMap(([id, [x, y]]) => (Math.abs(x - start[0]) < 1 && y > start[1] ? [id] : [])),
    ArrowUp: () => placed.flatMap(([id, [x, y]]) => (Math.abs(x - start[0]) < 1 && y < start[1] ? [id] : [])),
  }
  let nearest: string | null = null
  let distance = Infinity
  for (const id of candidates[key]?.() ?? []) {
    const away = Math.abs((layout.nodes.get(id)?.[1] ?? Infinity) - start[1])
    if (away < distance) [nearest, distance] = [id, away]
  }
  return nearest
}

import type { StepRow } from './stepRows.ts'

/** The fields of a step that a graph reads. */
export interface GraphStep {
  stepId: string
  dependsOn: readonly string[]
}

/** Steps by their ids, and their dependencies: pairs of a step and one that needs it. */
export interface StepGraph {
  nodes: readonly string[]
  edges: readonly (readonly [from: string, to: string])[]
}

// Laying out 500 steps in layers of 20 takes the worker about a second; twice as many take four, and nobody reads them.
const MAX_NODES = 500
const MAX_EDGES = 2_000

/** The graph of the rows: each dependency once, and only of steps that there are. */
export function toGraph<S extends GraphStep>(rows: readonly StepRow<S>[]): StepGraph {
  const nodes = rows.map((row) => row.key)
  const known = new Set(nodes)
  const edges = rows.flatMap((row) =>
    [...new Set(row.latest.dependsOn)]
      .filter((stepId) => known.has(stepId) && stepId !== row.key)
      .map((stepId) => [stepId, row.key] as const),
  )
  return { nodes, edges }
}

/** Whether a drawing of the graph would be too slow, and too large to read. */
export function isTooLarge({ nodes, edges }: StepGraph): boolean {
  return nodes.length > MAX_NODES || edges.length > MAX_EDGES
}

/** For each step those that depend on it, or those that it depends on. */
export function neighbours({ edges }: StepGraph, direction: 'dependents' | 'dependencies'): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const [from, to] of edges) {
    const [key, value] = direction === 'dependents' ? [from, to] : [to, from]
    const known = found.get(key)
    if (known === undefined) found.set(key, [value])
    else known.push(value)
  }
  return found
}

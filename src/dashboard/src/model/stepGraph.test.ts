import fc from 'fast-check'
import { expect, test } from 'vitest'
import { layOutGraph } from './graphLayout.ts'
import { nextNode, NODE_HEIGHT, NODE_WIDTH, pathOf } from './graphShape.ts'
import { isTooLarge, neighbours, toGraph } from './stepGraph.ts'
import { toRows } from './stepRows.ts'

function step(stepId: string, dependsOn: string[] = []) {
  return { stepId, name: stepId, kind: null, status: 'COMPLETED' as const, attempt: 1, dependsOn }
}

const GRAPH = toGraph(toRows([step('a'), step('b', ['a', 'a', 'gone', 'b']), step('c', ['a', 'b'])]))

test('a graph has each dependency once, and none on steps that there are not', () => {
  expect(GRAPH.edges).toEqual([
    ['a', 'b'],
    ['a', 'c'],
    ['b', 'c'],
  ])
  expect(neighbours(GRAPH, 'dependents').get('a')).toEqual(['b', 'c'])
  expect(neighbours(GRAPH, 'dependencies').get('c')).toEqual(['a', 'b'])
})

test('a graph of more than 500 steps is too large', () => {
  const steps = Array.from({ length: 501 }, (_, index) => step(`s${index}`))

  expect(isTooLarge(toGraph(toRows(steps)))).toBe(true)
  expect(isTooLarge(toGraph(toRows(steps.slice(1))))).toBe(false)
})

test('steps come after those that they depend on', () => {
  const { nodes, edges, width } = layOutGraph(GRAPH)
  const along = ['a', 'b', 'c'].map((id) => nodes.get(id)?.[0] ?? NaN)

  expect(along).toEqual([...along].sort((one, other) => one - other))
  expect(width).toBeGreaterThan(3 * NODE_WIDTH)
  expect(edges).toHaveLength(3)
  for (const { points } of edges) expect(pathOf(points)).toMatch(/^M[\d.]+ [\d.]+(C[\d. ]+)+$/)
})

test('whatever steps depend on, also in cycles, none covers another', () => {
  const drawn = fc.array(fc.array(fc.nat(11), { maxLength: 3 }), { maxLength: 12 })
  fc.assert(
    fc.property(drawn, (dependencies) => {
      const steps = dependencies.map((needed, index) =>
        step(
          `s${index}`,
          needed.map((each) => `s${each}`),
        ),
      )
      const points = [...layOutGraph(toGraph(toRows(steps))).nodes.values()]
      expect(points).toHaveLength(steps.length)
      for (const [index, [x, y]] of points.entries()) {
        for (const [otherX, otherY] of points.slice(index + 1)) {
          const isApart = Math.abs(x - otherX) >= NODE_WIDTH - 1 || Math.abs(y - otherY) >= NODE_HEIGHT - 1
          expect(isApart).toBe(true)
        }
      }
    }),
  )
})

test('arrow keys follow dependencies, and go through the steps of a layer', () => {
  const fan = toGraph(toRows([step('a'), step('b', ['a']), step('c', ['a']), step('d', ['b', 'c'])]))
  const layout = layOutGraph(fan)
  const [upper, lower] = (layout.nodes.get('b')?.[1] ?? 0) < (layout.nodes.get('c')?.[1] ?? 0) ? ['b', 'c'] : ['c', 'b']

  expect(nextNode(layout, fan, upper, 'ArrowDown')).toBe(lower)
  expect(nextNode(layout, fan, lower, 'ArrowUp')).toBe(upper)
  expect(nextNode(layout, fan, upper, 'ArrowRight')).toBe('d')
  expect(nextNode(layout, fan, upper, 'ArrowLeft')).toBe('a')
  expect(nextNode(layout, fan, 'a', 'ArrowLeft')).toBeNull()
  expect(nextNode(layout, fan, 'gone', 'ArrowLeft')).toBeNull()
})

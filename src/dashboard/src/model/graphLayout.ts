import {
  coordGreedy,
  decrossTwoLayer,
  graphStratify,
  layeringLongestPath,
  sugiyama,
  twolayerAgg,
  twolayerGreedy,
} from 'd3-dag'
import { NODE_HEIGHT, NODE_WIDTH, type GraphLayout, type Point } from './graphShape.ts'
import type { StepGraph } from './stepGraph.ts'

// The space between steps, in pixels.
const GAP_ACROSS = 14
const GAP_ALONG = 48

/** Lays out the graph in layers: a step comes after those that it depends on. Of a cycle, one edge runs backwards. */
export function layOutGraph({ nodes, edges }: StepGraph): GraphLayout {
  if (nodes.length === 0) return { width: 0, height: 0, nodes: new Map(), edges: [] }
  const parents = new Map(nodes.map((id) => [id, [] as string[]]))
  for (const [from, to] of edges) parents.get(to)?.push(from)
  const graph = graphStratify()([...parents].map(([id, parentIds]) => ({ id, parentIds })))
  // The library's layers are rows, ours are columns: x and y, and width and height, are exchanged.
  const { width, height } = sugiyama()
    .nodeSize([NODE_HEIGHT, NODE_WIDTH])
    .gap([GAP_ACROSS, GAP_ALONG])
    .layering(layeringLongestPath())
    .decross(decrossTwoLayer().order(twolayerGreedy().base(twolayerAgg())))
    .coord(coordGreedy())(graph)
  return {
    width: height,
    height: width,
    nodes: new Map([...graph.nodes()].map((node): [string, Point] => [node.data.id, [node.y, node.x]])),
    edges: [...graph.links()].map(({ source, target, points }) => ({
      from: source.data.id,
      to: target.data.id,
      points: points.map(([x, y]): Point => [y, x]),
    })),
  }
}

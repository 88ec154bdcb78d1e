import { layOutGraph } from '../model/graphLayout.ts'
import type { StepGraph } from '../model/stepGraph.ts'

// A graph of hundreds of steps takes a second, for which the page would not react.
self.addEventListener('message', ({ data }: MessageEvent<StepGraph>) => {
  self.postMessage(layOutGraph(data))
})

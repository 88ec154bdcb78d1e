import { useEffect, useMemo, useState } from 'react'
import type { GraphLayout } from '../model/graphShape.ts'
import type { StepGraph } from '../model/stepGraph.ts'

/** The layout of `graph`: null while a worker computes it. Changes of steps alone do not compute it again. */
export function useGraphLayout(graph: StepGraph): GraphLayout | 'failed' | null {
  const [found, setFound] = useState<{ key: string; layout: GraphLayout | 'failed' } | null>(null)
  const key = useMemo(() => JSON.stringify(graph), [graph])
  useEffect(() => {
    const worker = new Worker(new URL('./layout.worker.ts', import.meta.url), { type: 'module' })
    worker.onmessage = ({ data }: MessageEvent<GraphLayout>) => setFound({ key, layout: data })
    worker.onerror = () => setFound({ key, layout: 'failed' })
    worker.postMessage(JSON.parse(key))
    return () => worker.terminate()
  }, [key])
  return found?.key === key ? found.layout : null
}

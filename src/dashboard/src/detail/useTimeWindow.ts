import { useState } from 'react'
import { pan, within, zoom, type Range } from '../model/timeWindow.ts'

/** The part of a timeline that is shown, and functions that change it. */
export interface TimeWindow {
  shown: Range
  isAll: boolean
  show: (range: Range | null) => void
  zoom: (factor: number, at?: number) => void
  pan: (by: number) => void
}

/** The part of `all` that is shown: all of it, also as it grows, until it is zoomed. */
export function useTimeWindow(all: Range): TimeWindow {
  const [chosen, choose] = useState<Range | null>(null)
  const shown = chosen === null ? all : within(chosen, all)
  const isAll = shown.from <= all.from && shown.to >= all.to
  const show = (range: Range | null): void => {
    const isEverything = range !== null && range.from <= all.from && range.to >= all.to
    choose(isEverything ? null : range)
  }
  return {
    shown,
    isAll,
    show,
    zoom: (factor, at) => show(zoom(shown, all, factor, at)),
    pan: (by) => show(pan(shown, all, by)),
  }
}

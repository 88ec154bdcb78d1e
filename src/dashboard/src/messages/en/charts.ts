/** Charts. */
export const charts = {
  all: 'All',
  asTable: (name: string) => `${name} as a table`,
  brushable: (name: string) => `${name}. Shift and arrow keys choose a range of time, Enter applies it`,
  brushHint: 'Drag to choose a range of time',
  choosing: 'Release to apply, or press Enter; Escape gives up',
  none: 'none',
  time: 'Time',
}

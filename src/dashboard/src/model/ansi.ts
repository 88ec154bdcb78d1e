import Anser from 'anser'

/** A part of a log message that is drawn in one way. */
export interface Span {
  text: string
  /** One of the 16 colours of terminals by its name, such as `bright-red`, others as `r, g, b`; null for the default. */
  colour: string | null
  background: string | null
  isBold: boolean
  isUnderlined: boolean
}

// Escape sequences of ECMA-48: CSI, such as colours; OSC, such as links and titles; and those of two characters.
// eslint-disable-next-line no-control-regex -- they are control characters
const SEQUENCES = /\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-Z\\^_`a-z{|}~]/g
// eslint-disable-next-line no-control-regex -- as above
const COLOURS = /^\x1b\[[\d;:]*m$/

/** `text` without escape sequences, as it is read and searched. */
export function stripEscapes(text: string): string {
  return text.includes('\x1b') ? text.replace(SEQUENCES, '') : text
}

/** The parts of `text`, with the colours that its escape sequences set; other sequences are left out. */
export function toSpans(text: string): Span[] {
  if (!text.includes('\x1b')) return [{ text, colour: null, background: null, isBold: false, isUnderlined: false }]
  const coloured = text.replace(SEQUENCES, (sequence) => (COLOURS.test(sequence) ? sequence : ''))
  return Anser.ansiToJson(coloured, { use_classes: true, remove_empty: true }).map((part) => {
    return {
      text: part.content,
      colour: nameColour(part.fg, part.fg_truecolor),
      background: nameColour(part.bg, part.bg_truecolor),
      isBold: part.decorations.includes('bold'),
      isUnderlined: part.decorations.includes('underline'),
    }
  })
}

function nameColour(name: string | null, trueColour: string | null): string | null {
  if (name === null) return null
  if (name === 'ansi-truecolor') return trueColour
  const index = /^ansi-palette-(\d+)$/.exec(name)?.[1]
  return index === undefined ? name.replace('ansi-', '') : paletteColour(Number(index))
}

// Of the 256 colours, 16 to 231 are a cube of 6 levels, and the rest are greys (xterm).
function paletteColour(index: number): string {
  if (index >= 232)
    return Array(3)
      .fill(8 + 10 * (index - 232))
      .join(', ')
  const cube = index - 16
  return [Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6].map((each) => each && 55 + 40 * each).join(', ')
}

import type { CSSProperties } from 'react'
import { toSpans, type Span } from '../model/ansi.ts'

/** A text with the colours that its escape sequences set. */
export function AnsiText({ text }: { text: string }) {
  return toSpans(text).map((span, position) => (
    // A part is identified by its position alone.
    <Part key={position} span={span} />
  ))
}

function Part({ span }: { span: Span }) {
  const { text, colour, background, isBold, isUnderlined } = span
  if (colour === null && background === null && !isBold && !isUnderlined) return text
  const style: CSSProperties = {
    ...(colour !== null && { color: cssColour(colour) }),
    ...(background !== null && { backgroundColor: `color-mix(in srgb, ${cssColour(background)} 25%, transparent)` }),
    ...(isBold && { fontWeight: 700 }),
    ...(isUnderlined && { textDecoration: 'underline' }),
  }
  return <span style={style}>{text}</span>
}

/** Named colours are the theme's; others are mixed with that of text, so that they can be read in both themes. */
function cssColour(colour: string): string {
  return colour.includes(',')
    ? `color-mix(in srgb, rgb(${colour}) 65%, var(--text))`
    : `var(--ansi-${colour.replace('bright-', '')})`
}

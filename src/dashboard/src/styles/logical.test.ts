import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'

const SOURCES = path.resolve(import.meta.dirname, '..')
const SIDE = '(left|right)'
// What follows the screen, and not the direction of the language.
const PHYSICAL = [
  new RegExp(`(^|[\\s;{])${SIDE}\\s*:`),
  new RegExp(`(margin|padding|border|scroll-margin|scroll-padding)-${SIDE}`),
  new RegExp(`border-(top|bottom)-${SIDE}-radius`),
  new RegExp(`(text-align|float|clear)\\s*:\\s*${SIDE}`),
]
// Four values, of which the second and the fourth are those of the sides.
const FOUR = /(?:^|[\s;{])(margin|padding|inset|border-width)\s*:\s*(\S+) (\S+) (\S+) (\S+);/

/** The declarations in a style sheet that follow the screen, without comments. */
function physicalIn(sheet: string): string[] {
  const lines = sheet.replace(/\/\*.*?\*\//gs, '').split('\n')
  return lines.filter((line) => {
    // The values within a calculation are no values of their own.
    const four = FOUR.exec(line.replace(/\(.*\)/g, ''))
    return PHYSICAL.some((each) => each.test(line)) || (four !== null && four[3] !== four[5])
  })
}

test('what follows the screen is found, and what follows the language is not', () => {
  const physical = [
    'left: 0;',
    'margin-left: 1px;',
    'border-top-right-radius: 0;',
    'text-align: left;',
    'margin: 0 1px 2px 3px;',
  ]
  const logical = [
    'inset-inline-start: 0;',
    'margin-inline: 1px;',
    'text-align: start;',
    'margin: 0 1px 2px 1px;',
    '/* left: 0 */',
  ]

  expect(physicalIn(physical.join('\n'))).toEqual(physical)
  expect(physicalIn(logical.join('\n'))).toEqual([])
})

test('the style sheets suit languages from right to left', () => {
  const sheets = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.css'))

  const found = sheets.map((name) => [name, physicalIn(readFileSync(path.join(SOURCES, name), 'utf8'))] as const)
  expect(found.length).toBeGreaterThan(20)
  expect(found.filter(([, declarations]) => declarations.length > 0)).toEqual([])
})

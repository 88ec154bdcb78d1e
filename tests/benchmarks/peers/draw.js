// Draws a Vega-Lite specification that comes in as JSON, and writes the SVG: `node draw.js < specification > chart`.
import { readFileSync } from 'node:fs'
import { parse, View } from 'vega'
import { compile } from 'vega-lite'

const specification = JSON.parse(readFileSync(0, 'utf8'))
process.stdout.write(await new View(parse(compile(specification).spec), { renderer: 'none' }).toSVG())
